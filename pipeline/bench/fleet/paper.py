"""What a day of a fleet comes to, on paper: requests and bytes, from the bytes of one request of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass

_ALWAYS = ("root", "timestamp")  # asked for in every check: is there a newer root, and what is newest
_CHANGED = ("snapshot", "targets", "policy")  # asked for in the first check after a publication


@dataclass(frozen=True, kw_only=True)
class Day:
    """`requests` and `bytes` in a day by kind of file, and the most requests in a second where devices are spread."""

    words: str
    requests: Mapping[str, int]
    bytes: Mapping[str, int]
    per_second: float


def days(devices: int, checks: int, each: Mapping[str, float], bundle: float) -> list[Day]:
    """A day without a release, and days on which a release reaches 5, then 25, then 100 percent of the devices.

    `checks`: of a device in a day. `each`: bytes of one request and its answer by kind, heads included. `bundle`: the
    same for a bundle.
    """
    made, before = [_day("no release", devices, checks, each, 0, bundle, is_changed=False)], 0
    for percent in (5, 25, 100):
        reached = devices * percent // 100
        words = f"roll-out to {percent} %"
        made.append(_day(words, devices, checks, each, reached - before, bundle, is_changed=True))
        before = reached
    return made


def _day(
    words: str, devices: int, checks: int, each: Mapping[str, float], fetching: int, bundle: float, *, is_changed: bool
) -> Day:
    requests = dict.fromkeys(_ALWAYS, devices * checks)
    requests |= dict.fromkeys(_CHANGED, devices if is_changed else 0)
    bytes_ = {kind: round(count * each[kind]) for kind, count in requests.items()}
    return Day(
        words=words,
        requests={**requests, "bundle": fetching},
        bytes={**bytes_, "bundle": round(fetching * bundle)},
        per_second=(sum(requests.values()) + fetching) / 86_400,
    )
