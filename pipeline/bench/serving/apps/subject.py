"""What every server of the benchmark does with a request, once its framework has handed over the bytes."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.device.contract import Input, read_contract
from edge.device.image import read_image
from edge.device.runtimes import Runtime, open_runtime

ARTIFACT = "BENCH_ARTIFACT"  # the folder of an artefact
RUNTIME = "BENCH_RUNTIME"  # the runtime to open it in


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model in its runtime, as edgewise itself opens it."""

    input: Input
    runtime: Runtime

    def tensor(self, content: bytes) -> NDArray[np.float32]:
        """Logits, float32 [1, labels], of the raw bytes of one picture."""
        return self.runtime.run(np.frombuffer(content, np.uint8).reshape(self.input.shape))

    def picture(self, content: bytes) -> NDArray[np.float32]:
        """Logits, float32 [1, labels], of a picture as it is in a file."""
        return self.runtime.run(read_image(content, self.input)[np.newaxis])


def open_subject() -> Subject:
    """The subject that the environment names."""
    folder, runtime = Path(os.environ[ARTIFACT]), os.environ[RUNTIME]
    contract = read_contract(folder)
    file = folder / contract.file_for(runtime)
    return Subject(input=contract.input, runtime=open_runtime(runtime, file, layout=contract.input.layout))
