"""POST /admin/reload: serve what stands at the artefact's path now."""

from edge.device.errors import EdgewiseError, Refused
from serving.card import identity
from serving.http import Request, Response, as_json
from serving.state import State, tell_siblings


async def reload(_: Request, state: State) -> Response:
    """Reload here, and tell the other workers to.

    Raises Refused 403 where no key guards the server, 409 where the new artefact is no good: the old one stays.
    """
    if not state.has_keys:
        raise Refused(
            403, "a server without keys is not reloaded from afar; start it with --api-key-file, or send SIGHUP"
        )
    try:
        changed = await state.reload()
    except EdgewiseError as error:
        raise Refused(409, f"not reloaded, {state.model.name} {state.model.version} stays: {error}") from None
    others = "told" if tell_siblings() else "none"  # what becomes of it there, their log says
    return as_json({"reloaded": changed, "model": identity(state.model), "other_workers": others})
