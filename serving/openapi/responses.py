"""The answers that are no success: which status, why, and with which headers."""

from typing import Any

from serving.openapi.schemas import reference
from serving.settings import Settings


def responses(settings: Settings) -> dict[str, Any]:
    """Every refusal by its status."""
    soon = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    allow = {"Allow": {"schema": {"type": "string"}, "description": "The methods that are served there."}}
    challenge = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    return {
        "400": _refusal("Not what this interface and the model's contract expect."),
        "401": _refusal("The API key is missing or wrong.", challenge),
        "403": _refusal("A server without keys is not reloaded from afar."),
        "404": _refusal("Not served; the message tells what is."),
        "405": _refusal("Another method is served there.", allow),
        "408": _refusal(f"The body was not whole after {settings.seconds:g} s."),
        "409": _refusal("The new artefact is no good; the old one stays."),
        "413": _refusal(f"More than {settings.body_bytes:,} bytes."),
        "415": _refusal("Another Content-Type or Content-Encoding is expected."),
        "429": _refusal(f"{settings.queue} requests are waiting in this worker, as many as may.", soon),
        "503": _refusal(f"No answer within {settings.seconds:g} s.", soon),
    }


def _refusal(description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": reference("Error")}},
    }
    return {**answer, "headers": headers} if headers else answer
