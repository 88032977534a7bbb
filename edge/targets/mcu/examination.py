"""What the mcu target finds out about a model: from the table of kernels, and by asking TFLite Micro itself."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from edge.boards import Board
from edge.device.errors import Unavailable
from edge.simulators.arena import Trial, smallest_arena
from edge.target import Finding, PlacedOperator
from edge.targets.mcu.kernels import place
from edge.targets.mcu.memory import Memory, flash_bytes, live_bytes, scratch_bytes
from edge.targets.mcu.work import multiply_accumulates
from edge.tflite import Graph, read_graph

LIBRARY = "cmsis-nn"  # the faster kernels to leave room for where no board is named

UNROLL = "use layers without loops and branches, e.g. unrolled recurrent ones"

Operators = tuple[PlacedOperator, ...]


@dataclass(frozen=True, kw_only=True)
class Examination:
    """`trial`: what TFLite Micro on the host said; None where an operator was refused before."""

    graph: Graph
    operators: Operators
    findings: tuple[Finding, ...]
    trial: Trial | None
    memory: Memory
    macs: int

    @property
    def estimates(self) -> dict[str, int]:
        """Bytes and multiply-accumulates by name."""
        return {
            "arena_bytes": self.memory.arena,
            "arena_bytes_with_margin": self.memory.arena_with_margin,
            "flash_bytes": self.memory.flash,
            "macs": self.macs,
        }


def examine(model: Path, board: Board | None) -> Examination:
    """Place every operator of the TFLite file `model` and measure its arena, with room for the kernels of `board`.

    Raises BadModel where the file is no TFLite model.
    """
    graph = read_graph(model)
    operators, findings = place(graph), _structure(graph)
    trial = None if any(each.placement == "refused" for each in operators) else _try(model)
    if trial is not None:
        operators, said = _judge(operators, trial)
        findings += said
    measured = trial.arena_bytes if trial else None
    if measured is None:
        reason = "arena_bytes is estimated from the lifetimes of the tensors, without TFLite Micro's own tables"
        findings.append(Finding(severity="note", operator="arena", reason=reason))
    library = (board.word("kernels") if board else None) or LIBRARY
    memory = Memory(
        arena=live_bytes(graph) if measured is None else measured,
        scratch=scratch_bytes(graph, library),
        library=library,
        flash=flash_bytes(graph, model.stat().st_size),
    )
    return Examination(
        graph=graph,
        operators=operators,
        findings=tuple(findings),
        trial=trial,
        memory=memory,
        macs=multiply_accumulates(graph),
    )


def _structure(graph: Graph) -> list[Finding]:
    """Findings about the model as a whole: shapes, control flow, weights kept elsewhere."""
    findings = []
    if any(tensor.dynamic for tensor in graph.tensors):
        reason = "some are known only when the model runs; TFLite Micro takes those that stand in the file for all time"
        fix = "convert the network with a batch of one"
        findings.append(Finding(severity="warning", operator="shapes", reason=reason, fix=fix))
    if graph.subgraphs > 1:
        reason = f"{graph.subgraphs - 1} more graphs hold operators that are neither listed nor counted here"
        findings.append(Finding(severity="warning", operator="control flow", reason=reason, fix=UNROLL))
    if any(tensor.external for tensor in graph.tensors):
        reason = "stand behind the FlatBuffer, where TFLite Micro does not look"
        fix = "convert the network to a file below 2 GiB"
        findings.append(Finding(severity="refused", operator="weights", reason=reason, fix=fix))
    return findings


def _try(model: Path) -> Trial:
    try:
        return smallest_arena(model)
    except Unavailable as error:
        return Trial(outcome="no answer", words=str(error))


def _judge(operators: Operators, trial: Trial) -> tuple[Operators, list[Finding]]:
    """The operators as TFLite Micro itself judged them, and what else it said."""
    if trial.outcome == "runs":
        return tuple(replace(each, placement="cpu", reason="") for each in operators), []
    if trial.outcome == "no answer":
        reason = f"not verified by TFLite Micro: {trial.words}"
        return operators, [Finding(severity="uncertain", operator="model", reason=reason)]
    reason = f"TFLite Micro does not run it: {trial.words}"
    blamed = re.search(r"Node (\w+) \(number (\d+)\) failed", trial.words)
    at = int(blamed[2]) if blamed else -1
    if blamed and at < len(operators) and operators[at].name == blamed[1]:
        refused = replace(operators[at], placement="refused", reason=reason)
        return (*operators[:at], refused, *operators[at + 1 :]), []
    return operators, [Finding(severity="refused", operator="model", reason=reason)]
