"""What XLA says of a network: the kernels that it has, and whether it compiles.

A TPU executes only what XLA compiles, with every length but the batch known. The table and the compiler asked here are
those of TensorFlow's own XLA bridge for CPUs; the TPU's back end is not part of the package. What Google publishes for
TPUs: https://cloud.google.com/tpu/docs/tensorflow-ops
"""

from edge.target import Finding, PlacedOperator
from edge.targets.tpu.saved_model import Node, SavedModel

FIX = "use layers that XLA compiles: https://cloud.google.com/tpu/docs/tensorflow-ops"


def examine(saved: SavedModel) -> tuple[tuple[PlacedOperator, ...], tuple[Finding, ...]]:
    """Each operator behind the signature: "accelerator" where XLA has a kernel, "refused" where it has none or the
    operator works on strings; and findings on shapes, on the compilation, and on what is not known here."""
    from tensorflow.python.util import pywrap_xla_ops

    kernels = frozenset(pywrap_xla_ops.get_cpu_kernel_names())
    operators = tuple(_placed(index, node, kernels) for index, node in enumerate(saved.nodes))
    findings = _dynamic_lengths(saved)
    if not findings and not any(operator.placement == "refused" for operator in operators):
        findings = [*_compile(saved)]
    if not findings:
        reason = "XLA compiles it for this CPU; that its TPU back end does so too, only a TPU can say"
        findings.append(Finding(severity="uncertain", operator="network", reason=reason, fix="see DEVICE.md"))
    return operators, tuple(findings)


def _placed(index: int, node: Node, kernels: frozenset[str]) -> PlacedOperator:
    if "string" in node.types:
        return PlacedOperator(index=index, name=node.kind, placement="refused", reason="works on strings")
    if node.kind not in kernels:
        return PlacedOperator(index=index, name=node.kind, placement="refused", reason="XLA has no kernel for it")
    return PlacedOperator(index=index, name=node.kind, placement="accelerator")


def _dynamic_lengths(saved: SavedModel) -> list[Finding]:
    if len(saved.shape) and None not in saved.shape[1:]:
        return []
    reason = f"is {list(saved.shape)}; a TPU needs every length but the batch"
    return [Finding(severity="refused", operator="input", reason=reason, fix="save it with a fixed picture size")]


def _compile(saved: SavedModel) -> list[Finding]:
    """A refusal where XLA does not compile the signature for one picture whose values are not known."""
    import tensorflow as tf

    (name,) = saved.signature.structured_input_signature[1]
    compiled = tf.function(lambda picture: saved.signature(**{name: picture}), jit_compile=True)
    picture = tf.TensorSpec((1, *saved.shape[1:]), saved.dtype)
    try:
        compiled.experimental_get_compiler_ir(picture)(stage="optimized_hlo")
    except (ValueError, TypeError, tf.errors.OpError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return [Finding(severity="refused", operator="network", reason=f"XLA does not compile it: {reason}", fix=FIX)]
    return []
