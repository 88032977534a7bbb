"""What clusters and registries take as names."""

import re

from edge.device.errors import BadSetting

PREFIX = "edgewise-"  # before the name of the package, in the names of what it makes

_LONGEST = 63 - len(PREFIX) - len("-runtime")  # RFC 1123 has 63 for a label; the longest name that is made of it
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")

# The grammar of github.com/distribution/reference: [host[:port]/]path[:tag][@digest], the path in lower case.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_HOST = r"(?:[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
_IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*(?P<tag>:[\w][\w.-]{{0,127}})?(?P<digest>@sha256:[0-9a-f]{{64}})?",
    re.ASCII,
)


def check_name(name: str) -> str:
    """`name`, fit to be a part of the names of Kubernetes' objects.

    Raises BadSetting where it is no DNS label (RFC 1123) of that length.
    """
    if len(name) > _LONGEST or not _LABEL.fullmatch(name):
        raise BadSetting(
            f"name {name!r}: expected a DNS label, lower-case letters, digits and inner hyphens, at most {_LONGEST} "
            f"of them; give another with --name{_proposal(name)}"
        )
    return name


def check_image(image: str) -> str:
    """`image`, a reference with a tag or a digest.

    Raises BadSetting where it is not one: without a tag it would mean another image every day.
    """
    parts = _IMAGE.fullmatch(image)
    if parts is None or not (parts["tag"] or parts["digest"]):
        raise BadSetting(f"image {image!r}: expected NAME:TAG, such as registry.example/team/flowers:1.2")
    return image


def _proposal(name: str) -> str:
    fitting = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST].strip("-")
    return f" {fitting}" if fitting else ""
