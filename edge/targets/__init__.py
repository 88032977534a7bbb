"""What each device accepts and how to make it: one module for a target, all with the verbs of `edge.target`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.target import Target
from edge.targets import coral, cpu, fpga, jetson, mcu, openvino, tpu
from edge.targets.fpga.prerequisites import require_tools
from edge.targets.mcu.project import write_labels

TARGETS: dict[str, Target] = {
    "cpu": cpu,
    "coral": coral,
    "jetson": jetson,
    "mcu": mcu,
    "openvino": openvino,
    "tpu": tpu,
    "fpga": fpga,
}

# What a target still writes once the artefact's labels are settled: into (folder, labels).
WITH_LABELS: dict[str, Callable[[Path, Sequence[str]], None]] = {"mcu": write_labels}

# What has to be installed for a target's convert, asked before anything is trained for it; raises Unavailable.
PREREQUISITES: dict[str, Callable[[], None]] = {"fpga": require_tools}
