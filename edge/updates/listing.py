"""What stands in a repository, as rows for people."""

from dataclasses import dataclass

from edge.device.bundle.versions import version_key
from edge.device.update.client import offer_of
from edge.updates.state import State


@dataclass(frozen=True, kw_only=True)
class Row:
    """`board`: the only one that the bundle is for, empty for any. `pinned`: how many devices are told to take it."""

    file: str
    board: str
    size: int
    percent: float
    is_halted: bool
    pinned: int


def listing(state: State) -> list[Row]:
    """The bundles of a repository by name and target, the newest version first."""
    offers = sorted(map(offer_of, state.bundles.values()), key=lambda each: version_key(each.version), reverse=True)
    return [
        Row(
            file=offer.file,
            board=offer.board,
            size=offer.size,
            percent=state.policy.percent(offer.file),
            is_halted=offer.file in state.policy.halted,
            pinned=sum(pins.get(offer.name) == offer.version for pins in state.policy.pins.values()),
        )
        for offer in sorted(offers, key=lambda each: (each.name, each.target))
    ]
