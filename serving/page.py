"""The try-it page: the files of serving/static, read once, sent with rules that keep the page from asking elsewhere."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from serving.http import Request, Response
from serving.state import State

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css",
    ".js": b"text/javascript",
    ".svg": b"image/svg+xml",
}

_HEADERS = (
    # Pictures of the visitor are shown from blob: addresses.
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
     b"media-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"permissions-policy", b"camera=(self), microphone=(), geolocation=()"),
    (b"cache-control", b"no-cache"),
)  # fmt: skip


def _send(file: Path) -> Callable[[Request, State], Awaitable[Response]]:
    content, media_type = file.read_bytes(), _TYPES[file.suffix]

    async def answer(_: Request, __: State) -> Response:
        return Response(body=content, media_type=media_type, headers=_HEADERS)

    return answer


FILES = {
    "/" if file.name == "index.html" else f"/static/{file.name}": _send(file)
    for file in sorted(_FOLDER.iterdir())
    if file.suffix in _TYPES
}
