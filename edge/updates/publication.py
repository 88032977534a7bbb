"""publish: an order carried out in a repository of updates."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from edge.device.errors import Unavailable
from edge.updates.keys import make_keys, read_keys, require_apart, require_own, settle
from edge.updates.order import Order
from edge.updates.plan import Terms, due, plan_of, warnings
from edge.updates.state import State, new_root, read_root, read_state
from edge.updates.writing import Pen, write


@dataclass(frozen=True, kw_only=True)
class Published:
    """`added`: bundles that were not there before. `signed`: roles that were signed anew, none where all is as it was.

    `warnings`: what has to be done before long.
    """

    state: State
    is_new: bool
    added: tuple[str, ...]
    signed: tuple[str, ...]
    warnings: tuple[str, ...]


def publish(repository: Path, folder: Path, order: Order, terms: Terms, key: Path | None = None) -> Published:
    """Carry out `order` in `repository` with the keys in `folder`; the first time, both are made.

    `key`: the public key that must have signed the bundles; None looks at their descriptions alone.
    Killed at any moment, it leaves the repository as it was or as it shall be, and can be repeated.

    Raises BadRepository where the repository, the keys or the order cannot be used, BadBundle where a bundle cannot,
    Unavailable where another publishes.
    """
    require_apart(folder, repository)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(folder):
        root, state = read_root(repository), read_state(repository)
        plan = plan_of(repository, state, order, key)
        if root is None:
            make_keys(folder)
        else:
            settle(folder, root.signed)
        keys = read_keys(folder)
        pen = Pen(keys=keys, terms=terms, now=datetime.now(UTC).replace(microsecond=0))
        if root is None:
            root = pen.sign(new_root(keys))
            plan = replace(plan, roles=("root", *plan.roles))
        require_own(root.signed, keys)
        if state is not None and order.refresh:
            wanted = {*plan.roles, *due(root, state, terms, pen.now)} - (
                set() if keys.can_sign(root.signed) else {"root"}
            )
            plan = replace(plan, roles=tuple(role for role in keys.signers if role in wanted))
        after = write(repository, plan, root, state, pen) if plan.roles or state is None else state
    return Published(
        state=after,
        is_new=state is None,
        added=tuple(each.description.file_name for each in plan.added),
        signed=plan.roles,
        warnings=warnings(after.root, keys, terms, pen.now),
    )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Sole use of the keys, and so of every repository that they sign."""
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise Unavailable(f"{folder}: another edgewise publishes with these keys; wait for it") from None
    try:
        yield
    finally:
        lock.release()
