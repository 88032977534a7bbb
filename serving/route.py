"""What a route is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from serving.http import Request, Response
from serving.state import State

Handler = Callable[[Request, State], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """`handlers` by method; `name` is its label in the metrics; `guarded` ones want the API key where there is one.

    `queued` ones use the model: while its queue is full they are refused before anything else is done for them.
    """

    name: str
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    guarded: bool = True
    queued: bool = False
