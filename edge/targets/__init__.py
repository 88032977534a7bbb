"""What each device accepts and how to make it: one module for a target, all with the verbs of `edge.target`."""

from edge.target import Target
from edge.targets import coral, cpu, jetson, mcu

TARGETS: dict[str, Target] = {"cpu": cpu, "coral": coral, "jetson": jetson, "mcu": mcu}
