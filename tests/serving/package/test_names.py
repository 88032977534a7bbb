"""Names are held against the rules of RFC 1123 and of container registries."""

import pytest

from edge.device.errors import BadSetting
from serving.package.names import PREFIX, check_image, check_name


@pytest.mark.parametrize("name", ["digits", "cats-vs-dogs", "7segment", "a", "a" * 46])
def test_name_stands_where_it_is_a_label(name: str) -> None:
    assert check_name(name) == name
    assert len(f"{PREFIX}{name}-runtime") <= 63


@pytest.mark.parametrize(
    "name", ["", "Digits", "cats_vs_dogs", "-digits", "digits-", "a.b", "digits\n", "zahlen-ä", "../digits", "a" * 47]
)
def test_name_is_refused_where_it_is_no_label(name: str) -> None:
    with pytest.raises(BadSetting, match="DNS label"):
        check_name(name)


def test_name_is_refused_with_one_that_would_do() -> None:
    with pytest.raises(BadSetting, match=r"--name cats-vs-dogs$"):
        check_name("Cats_vs_Dogs")


@pytest.mark.parametrize(
    "image",
    [
        "edgewise-digits:cb2a7ddf2095",
        "registry.example/team/digits:1.2",
        "localhost:5000/digits:v1",
        "team/a__b.c-d:1",
        "digits@sha256:" + 64 * "0",
        "digits:1@sha256:" + 64 * "f",
    ],
)
def test_image_stands_with_tag_or_digest(image: str) -> None:
    assert check_image(image) == image


@pytest.mark.parametrize(
    "image",
    [
        "digits",
        "registry.example:5000/digits",
        "Digits:1",
        "digits:",
        "digits:1 2",
        'digits:1"\n  command: ["sh"]',
        "digits:-1",
        "https://registry.example/digits:1",
        "digits@sha256:00",
        "digits:" + 129 * "1",
    ],
)
def test_image_is_refused_where_it_is_no_pinned_reference(image: str) -> None:
    with pytest.raises(BadSetting, match="NAME:TAG"):
        check_image(image)
