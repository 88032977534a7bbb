"""The Containerfiles, as far as no engine is needed: what they copy is there, what they set is read."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from serving.settings import Place, Settings

FILES = ("Containerfile", "jetson.Containerfile")


def _instructions(packaged: Path, file: str) -> list[tuple[str, str]]:
    """Instruction and arguments, continued lines joined, comments left out."""
    lines = [line for line in (packaged / file).read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]  # type: ignore[misc]


def _last(packaged: Path, file: str, name: str) -> str:
    return [arguments for instruction, arguments in _instructions(packaged, file) if instruction == name][-1]


def _variables(packaged: Path, file: str) -> Mapping[str, str]:
    return dict(pair.split("=", 1) for pair in _last(packaged, file, "ENV").split())


@pytest.mark.parametrize("file", FILES)
def test_image_copies_what_the_package_has(packaged: Path, file: str) -> None:
    copied = [arguments.split() for name, arguments in _instructions(packaged, file) if name == "COPY"]
    sources = {words[0] for words in copied if not words[0].startswith("--")}
    assert sources == {"requirements.txt", "LICENSE", "edge", "serving", "artifact"}
    assert all((packaged / source).exists() for source in sources)


@pytest.mark.parametrize("file", FILES)
def test_image_sets_variables_that_the_server_reads(packaged: Path, file: str) -> None:
    variables = _variables(packaged, file)
    place, settings = Place.from_environment(variables), Settings.from_environment(variables)
    assert f"{settings.artifact}" == _last(packaged, file, "WORKDIR") + "/artifact"
    assert (settings.runtime, place.host) == ("litert", "0.0.0.0")  # noqa: S104 - within a container
    assert str(place.port) == _last(packaged, file, "EXPOSE")
    assert f"127.0.0.1:{place.port}/readyz" in _last(packaged, file, "HEALTHCHECK")


@pytest.mark.parametrize("file", FILES)
def test_image_runs_the_server_as_nobody_in_particular(packaged: Path, file: str) -> None:
    user, group = map(int, _last(packaged, file, "USER").split(":"))
    assert min(user, group) >= 10_000
    assert json.loads(_last(packaged, file, "ENTRYPOINT")) == ["/opt/venv/bin/python", "-m", "serving"]
    names = [name for name, _ in _instructions(packaged, file)]
    assert "RUN" not in names[names.index("USER") :]


@pytest.mark.parametrize("file", FILES)
def test_image_installs_nothing_that_is_not_hashed(packaged: Path, file: str) -> None:
    installs = [
        arguments for name, arguments in _instructions(packaged, file) if name == "RUN" and "-r req" in arguments
    ]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "--only-binary" in installs[0]
