"""Names from outside in drawings, where long ones would take the room of what is drawn."""


def shorten(name: str, longest: int) -> str:
    """`name`, cut to `longest` characters, the last an ellipsis, where it has more."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
