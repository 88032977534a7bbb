"""A stage runs anew when source that its result depends on has changed: the list in pipeline/stage.py is complete."""

import grimp
import pytest

from pipeline.stage import _SOURCES

ENTRY = {
    "train": "pipeline.train",
    "quantize": "pipeline.quantize",
    "export": "pipeline.export",
    "report": "pipeline.report.stage",
}

# What a stage imports, but what its result does not depend on, or what its manifest holds in another way.
ELSEWHERE = (
    "pipeline.recipe",  # the settings are in the manifest
    "edge.cache",  # where downloads wait
    "pipeline.data",  # the pictures' hashes are; how they were made is the data stage's affair
    "pipeline.stage",
    "pipeline.stages",
    "pipeline.origins",
    "pipeline.isolate",  # where a function runs, not what it does
    "pipeline.quiet",
    "pipeline.plots",
    "pipeline.answers",  # notes what a proof ran, for the report
    "pipeline.machine",  # is named, and decides nothing
    "pipeline.artefacts",  # where artefacts stand
    "edge.device.errors",
    "edge.device.files",
    "edge.device.manifest",
    "edge.device.contract",  # the layout's names
    "edge.device.typed",  # how it is read
    "edge.target",  # names and types
    "edge.simulators",  # quantize runs LiteRT's reference kernels alone, and export has them all
    "edge.fixed_point",
    "edge.tools",
    "edge.settings_file",  # how a recipe is read
    "edge.boards",  # read where a recipe names a board
)


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("pipeline", "models", "edge")


@pytest.mark.parametrize("stage", ENTRY)
def test_every_imported_module_is_a_source_of_the_stage(stage: str, imports: grimp.ImportGraph) -> None:
    covered = tuple(entry.removesuffix(".py").replace("/", ".") for entry in _SOURCES[stage])
    needed = {ENTRY[stage], *imports.find_upstream_modules(ENTRY[stage])}
    assert {each for each in needed if not _inside(each, covered + ELSEWHERE)} == set()


def _inside(module: str, packages: tuple[str, ...]) -> bool:
    return module == "pipeline" or any(module == each or module.startswith(f"{each}.") for each in packages)
