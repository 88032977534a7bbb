"""What is served where: one table."""

from serving import admin, card, health, page, predict
from serving.protocol_v2.routes import find_route as find_v2_route
from serving.route import Route

ROUTES: dict[str, Route] = {
    "/predict": Route(name="/predict", handlers={"POST": predict.answer}),
    "/model.json": Route(name="/model.json", handlers={"GET": card.answer}, guarded=False),
    "/livez": Route(name="/livez", handlers={"GET": health.live}, guarded=False),
    "/readyz": Route(name="/readyz", handlers={"GET": health.ready}, guarded=False),
    "/metrics": Route(name="/metrics", handlers={"GET": health.metrics}),
    "/admin/reload": Route(name="/admin/reload", handlers={"POST": admin.reload}),
    "/docs": Route(name="/docs", bento_path="/", guarded=False),
    **{path: Route(name="page", handlers={"GET": file}, guarded=False) for path, file in page.FILES.items()},
}

_EXAMPLES = Route(name="examples", handlers={"GET": card.example}, guarded=False)


def find_route(path: str) -> Route | None:
    """The route of a request's path, None where nothing is served there."""
    route = ROUTES.get(path)
    if route is not None:
        return route
    if path.startswith("/v2/") or path == "/v2":
        return find_v2_route(path)
    if path.startswith("/examples/"):
        return _EXAMPLES
    if path.startswith("/static_content/"):  # what BentoML's Swagger page is made of
        return Route(name="/docs", bento_path=path, guarded=False)
    return None
