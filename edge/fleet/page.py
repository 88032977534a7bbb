"""One page of a fleet: it holds all it shows, and asks nobody for anything."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from edge.fleet.row import LARGE_DRIFT, Row

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def render(rows: Sequence[Row], now: float, name: str) -> str:
    """The page of `rows` as they were at `now`, seconds since 1970; `name`: of the fleet."""
    drifting = [row for row in rows if (row.told.drift or 0) >= LARGE_DRIFT]
    template = _environment().get_template("fleet.html")
    return template.render(
        rows=rows,
        name=name,
        made=time.strftime("%Y-%m-%d %H:%M", time.gmtime(now)),
        now=now,
        well=sum(row.is_well for row in rows),
        states=Counter(row.state for row in rows).most_common(),
        versions=Counter(f"{row.told.model} {row.told.version}" for row in rows if row.told.version).most_common(),
        drifting=drifting,
    )


def ago(then: float | None, now: float) -> str:
    """How long before `now` it was, in words."""
    if then is None:
        return "never"
    seconds = max(0, int(now - then))
    for length, unit in _UNITS:
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"


def _when(then: float | None) -> str:
    return "" if then is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(then))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("edge.fleet", "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(ago=ago, when=_when)
    return environment
