"""What is served where: one table."""

from serving import admin, card, docs, health, page, predict
from serving.http import Request, Response
from serving.openapi.document import Document
from serving.protocol_v2 import routes as protocol_v2
from serving.route import Route
from serving.state import State

_document = Document()


async def _describe(_: Request, state: State) -> Response:
    return _document.of(DESCRIBED, state)


ROUTES: dict[str, Route] = {
    "/predict": Route(name="/predict", handlers={"POST": predict.answer}, queued=True),
    "/model.json": Route(name="/model.json", handlers={"GET": card.answer}, guarded=False),
    "/livez": Route(name="/livez", handlers={"GET": health.live}, guarded=False),
    "/readyz": Route(name="/readyz", handlers={"GET": health.ready}, guarded=False),
    "/metrics": Route(name="/metrics", handlers={"GET": health.metrics}),
    "/admin/reload": Route(name="/admin/reload", handlers={"POST": admin.reload}),
    "/docs.json": Route(name="/docs.json", handlers={"GET": _describe}, guarded=False),
    "/docs": Route(name="/docs", handlers={"GET": docs.page}, guarded=False),
    **{path: Route(name="/docs", handlers={"GET": file}, guarded=False) for path, file in docs.FILES.items()},
    **{path: Route(name="page", handlers={"GET": file}, guarded=False) for path, file in page.FILES.items()},
}

_EXAMPLES = Route(name="examples", handlers={"GET": card.example})  # pictures of the data may be confidential

# What /docs.json tells of, by path template: all but the parts of the pages.
DESCRIBED: dict[str, Route] = {
    **{path: route for path, route in ROUTES.items() if not path.startswith(("/static/", "/docs/"))},
    "/examples/{number}.png": _EXAMPLES,
    **protocol_v2.ROUTES,
}


def find_route(path: str) -> Route | None:
    """The route of a request's path, None where nothing is served there."""
    route = ROUTES.get(path)
    if route is not None:
        return route
    if path.startswith("/v2/") or path == "/v2":
        return protocol_v2.find_route(path)
    if path.startswith("/examples/"):
        return _EXAMPLES
    return None
