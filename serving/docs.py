"""GET /docs: Swagger UI made of the files that BentoML brings, without the tracker that BentoML's own page loads."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from edge.device.errors import Refused
from serving.http import Request, Response
from serving.state import State

_PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Edgewise API</title>
<link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script src="/docs/swagger-initializer.js"></script>
</html>
"""

_FILES = {
    "swagger-ui.css": b"text/css",
    "swagger-ui-bundle.js": b"text/javascript",
    "swagger-ui-standalone-preset.js": b"text/javascript",
    "swagger-initializer.js": b"text/javascript",  # reads ./docs.json
}

_HEADERS = (
    # Swagger UI sets styles from its script and draws with data: pictures.
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
     b"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-cache"),
)  # fmt: skip


async def page(_: Request, __: State) -> Response:
    return Response(body=_PAGE, media_type=b"text/html; charset=utf-8", headers=_HEADERS)


def _send(name: str) -> Callable[[Request, State], Awaitable[Response]]:
    async def answer(_: Request, __: State) -> Response:
        return Response(body=await asyncio.to_thread(_read, name), media_type=_FILES[name], headers=_HEADERS)

    return answer


@cache
def _read(name: str) -> bytes:
    """A file of BentoML's; kept, as 1.6 MB are read only where somebody looks at the page."""
    bentoml = find_spec("bentoml")
    places = bentoml.submodule_search_locations if bentoml else None
    file = Path(next(iter(places or ()), "")) / "_internal" / "server" / "static_content" / name
    if not file.is_file():
        raise Refused(404, f"{name}: this release of BentoML brings no Swagger UI; read /docs.json with another one")
    return file.read_bytes()


FILES = {f"/docs/{name}": _send(name) for name in _FILES}
