"""Does a contract say of its model what the data and the model file say?"""

import math

from edge.device.contract import Contract
from edge.tflite import Graph, Tensor, read_graph
from pipeline.data.colour import channels_of
from pipeline.forms import input_quantization
from pipeline.recipe import Data
from pipeline.report.inspection import Artefact, Inspection
from pipeline.report.integrity.facts import Check

_PRECISION = 1e-6  # of a scale: files hold float32, contracts decimal numbers


def check_pictures(inspection: Inspection) -> Check:
    """Resize rule, colour and size of every contract against those that the data were prepared with."""
    name, data = "Preparation of pictures", inspection.recipe.data
    sides = inspection.dataset.images.shape[1:]
    wrong = tuple(
        f"{artefact.target}: {difference}"
        for artefact in inspection.artefacts
        for difference in _picture_differences(artefact.contract, data, sides)
    )
    if wrong:
        words = (
            "A contract prepares pictures otherwise than the model was trained and tested with, so that a device or a "
            f"server sees other pictures: {'; '.join(wrong)}. Export again."
        )
        return Check(name=name, passed=False, words=words, named=wrong)
    words = f"Every contract has the data's: {data.resize!r} to {sides[1]} x {sides[0]} pixels in {data.colour}."
    return Check(name=name, passed=True, words=words)


def _picture_differences(contract: Contract, data: Data, sides: tuple[int, ...]) -> list[str]:
    told = contract.input
    found = []
    if told.resize != data.resize:
        found.append(f"its resize rule is {told.resize!r}, the data were prepared with {data.resize!r}")
    if told.colour != data.colour:
        found.append(f"its colour is {told.colour}, the data are {data.colour}")
    if told.picture != tuple(sides) or told.picture[2] != channels_of(told.colour):
        found.append(f"its pictures are {told.picture} (height, width, channels), the data {tuple(sides)}")
    return found


def check_quantization(inspection: Inspection) -> Check:
    """Scale and zero point of input and output in every contract against those in its TFLite files, and of the input
    against the recipe's."""
    name = "Scale and zero point"
    compared = {artefact.target: _readable(artefact) for artefact in inspection.artefacts}
    wrong = tuple(
        f"{artefact.target}: {difference}"
        for artefact in inspection.artefacts
        for difference in _quantization_differences(artefact, compared[artefact.target], inspection)
    )
    if wrong:
        words = (
            f"A contract does not say how its model file reads and writes numbers: {'; '.join(wrong)}. Export again."
        )
        return Check(name=name, passed=False, words=words, named=wrong)
    recipe = "Every contract's input is as in the recipe."
    files = [f"{target}/{file}" for target, graphs in compared.items() for file in graphs]
    if not files:
        words = f"{recipe} No model file was compared: only quantized TFLite files are read, and there is none."
        return Check(name=name, passed=None, words=words)
    words = f"{recipe} It and the output are as in {', '.join(files)}; other files are not read."
    return Check(name=name, passed=True, words=words)


def _readable(artefact: Artefact) -> dict[str, Graph]:
    """The TFLite files that were proven and read or write integers, by name."""
    names = [each.file for each in artefact.contract.files if each.file.endswith(".tflite") and each.runtimes]
    graphs = {name: read_graph(artefact.folder / name) for name in names}
    return {name: graph for name, graph in graphs.items() if graph.input.scales or graph.output.scales}


def _quantization_differences(artefact: Artefact, graphs: dict[str, Graph], inspection: Inspection) -> list[str]:
    told, output = artefact.contract.input, artefact.contract.output
    found = _differences(
        "input", (told.scale, told.zero_point), input_quantization(inspection.recipe.model), "the recipe"
    )
    for file, graph in graphs.items():
        for side, tensor, pair in (
            ("input", graph.input, (told.scale, told.zero_point)),
            ("output", graph.output, (output.scale, output.zero_point)),
        ):
            if (expected := _quantization(tensor)) is not None:
                found += _differences(side, pair, expected, file)
    return found


def _quantization(tensor: Tensor) -> tuple[float, int] | None:
    """None of a tensor of real numbers."""
    return (tensor.scales[0], tensor.zero_points[0]) if tensor.scales else None


def _differences(side: str, told: tuple[float, int], expected: tuple[float, int], where: str) -> list[str]:
    if math.isclose(told[0], expected[0], rel_tol=_PRECISION) and told[1] == expected[1]:
        return []
    return [f"{side} of scale {told[0]:g} and zero point {told[1]}, in {where} {expected[0]:g} and {expected[1]}"]
