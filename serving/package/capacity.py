"""What one server process takes: the figures of the systemd unit and of Kubernetes' resources, limits and deadlines."""

import math
from collections.abc import Mapping

from serving.package.trial import Trial
from serving.run import DRAIN
from serving.settings import Settings

_MIB = 2**20
_STEP = 32  # MiB, to which figures are rounded up

# Seconds. While preStop waits, the pod is taken off the Service's list; then the server lets requests end, for DRAIN at
# most; what is left then is killed.
_PRE_STOP = 5
_STOP = DRAIN + 10


def capacity(trial: Trial, settings: Settings) -> Mapping[str, int]:
    """MiB and seconds, by their names in the templates.

    The request is what was measured, and a fifth. The limit is what strangers may make the server hold: the one picture
    being decoded (one thread decodes) of the most pixels, half as much again as formats differ and freed memory is not
    given back at once, and a queue full of the largest bodies.
    """
    return {
        "measured_mib": round(trial.resident / _MIB),
        "peak_mib": round(trial.peak / _MIB),
        "request_mib": _rounded(1.2 * trial.resident),
        "limit_mib": _rounded(1.5 * trial.peak + settings.queue * settings.body_bytes),
        "pre_stop": _PRE_STOP,
        "stop": _STOP,
        "grace": _PRE_STOP + _STOP,
        "start": math.ceil(10 * trial.ready) + 30,  # a small board is ten times slower than this machine
    }


def _rounded(size: float) -> int:
    return _STEP * math.ceil(size / _MIB / _STEP)
