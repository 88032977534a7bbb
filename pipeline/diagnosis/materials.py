"""What a diagnosis needs besides the file: the float model as a TFLite file, and a number of pictures."""

from pathlib import Path

from edge.device.contract import Input
from edge.device.files import write_bytes
from edge.tflite import read_graph
from pipeline.diagnosis.layers import size
from pipeline.diagnosis.tflite_layers import tflite_layers
from pipeline.forms import make_form
from pipeline.isolate import Child

PICTURES = 100  # every layer answers thousands of numbers to each: figures move by tenths of a dB with more
_FEWEST = 16
_NUMBERS = 40_000_000  # answered by all layers to all pictures: some seconds in the reference kernels


def write_float_file(trained: Path, contract: Input, folder: Path, child: Child) -> Path:
    """The float32 TFLite file of the train stage's folder `trained`, for the picture of `contract`, in `folder`.

    Raises ConversionFailed where the converter refuses it.
    """
    model = trained / "model.keras"
    content = child.call(make_form, model, "float32", contract.scale, contract.zero_point, None, None, True)
    file = folder / "float.tflite"
    write_bytes(file, content)
    return file


def enough_pictures(float_file: Path) -> int:
    """PICTURES, or fewer where the layers of the network answer so many numbers that these would take long."""
    numbers = sum(size(layer.shape) for layer in tflite_layers(read_graph(float_file)))
    return max(_FEWEST, min(PICTURES, _NUMBERS // numbers))
