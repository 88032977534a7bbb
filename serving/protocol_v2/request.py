"""An inference request read: which pixels come in, which outputs are wanted."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from edge.device.contract import Contract
from edge.device.errors import Refused
from edge.device.runtimes import CHUNK
from serving.protocol_v2.metadata import SCORES
from serving.protocol_v2.tensors import Pixels, pixels_from_bytes, pixels_from_numbers

# As many pictures as a runtime takes at once: a request for more would hold up the others without being quicker.
MOST_PICTURES = CHUNK

_WHOLE = [int] * 4
_SHORT = 1024  # bytes of JSON that are remembered

LENGTH_HEADER = b"inference-header-content-length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An output to be returned, as `binary` or as JSON; its `classes` highest values as text where that is not 0."""

    name: str
    binary: bool
    classes: int = 0


class Expected(NamedTuple):
    """What a contract expects: height, width and channels, the names of input and output, the number of labels."""

    picture: tuple[int, int, int]
    input: str
    output: str
    labels: int


class Head(NamedTuple):
    """The JSON of a request, checked. `numbers` are its tensor's data, `size` the bytes that follow instead."""

    id: str | None
    shape: tuple[int, ...]
    numbers: Any
    size: Any
    outputs: tuple[Wanted, ...]


class Inference(NamedTuple):
    """`pixels` uint8 [n, h, w, c]; `id` is the client's own, given back to it.

    A tuple: made for each request, in a third of the time that a frozen dataclass takes.
    """

    id: str | None
    pixels: Pixels
    outputs: tuple[Wanted, ...]


def read_inference(body: bytes, header_length: bytes | None, contract: Contract) -> Inference:
    """The request in `body`: JSON, and where `header_length`, the header of that name, tells how long it is, the bytes
    of the tensor behind it; those alone where it is 0.

    Raises Refused 400 where it is not what the protocol and the contract expect.
    """
    expected = Expected(contract.input.picture, contract.input.name, contract.output.name, len(contract.output.labels))
    if header_length is None:
        head, start = _read_head(body, expected), None
    else:
        start = _read_length(header_length, len(body))
        if start == 0:
            return _raw(body, expected)
        read = _read_short_head if start <= _SHORT else _read_head
        head = read(body[:start], expected)
    return Inference(id=head.id, pixels=_pixels(head, body, start), outputs=head.outputs)


def shown(value: Any) -> str:
    """A value of JSON as messages quote it: short, whatever was sent."""
    if type(value) is str:
        return repr(value[:48])
    if type(value) is list:
        plain = len(value) <= 8 and all(type(each) in (int, float, bool) for each in value)
        return orjson.dumps(value).decode() if plain else f"a list of {len(value):,}"
    if type(value) is dict:
        return "an object"
    return orjson.dumps(value).decode()


def _read_head(text: bytes, expected: Expected) -> Head:
    fields = _read_json(text)
    parameters = _parameters(fields, "request")
    identity = fields.get("id")
    if identity is not None and type(identity) is not str:
        raise Refused(400, f"id: {shown(identity)}; expected a string")
    tensor = _only_input(fields, expected.input)
    size = _parameters(tensor, "inputs[0]").get("binary_data_size")
    if size is not None and "data" in tensor:
        raise Refused(400, "inputs[0]: both data and binary_data_size; expected one of them")
    binary = _flag(parameters, "binary_data_output", "request") or False
    return Head(
        id=identity,
        shape=_read_shape(tensor.get("shape"), expected.picture),
        numbers=tensor.get("data"),
        size=size,
        outputs=_read_outputs(fields.get("outputs"), expected, binary),
    )


# Clients that send pixels behind the JSON send the same JSON again and again.
_read_short_head = lru_cache(maxsize=256)(_read_head)


def _raw(body: bytes, expected: Expected) -> Inference:
    """Triton's raw binary request: nothing but the tensor, whose size tells how many pictures it holds."""
    height, width, channels = expected.picture
    each = height * width * channels
    count = len(body) // each
    if len(body) % each or not 1 <= count <= MOST_PICTURES:
        raise Refused(
            400, f"body: {len(body):,} bytes; expected 1 to {MOST_PICTURES} pictures of {each:,} bytes, nothing else"
        )
    return Inference(
        id=None,
        pixels=pixels_from_bytes(body, 0, (count, height, width, channels)),
        outputs=_all_outputs(expected.output, True),
    )


def _read_length(header: bytes, size: int) -> int:
    # No number of 19 digits is the length of anything; int() itself refuses thousands of them.
    length = int(header) if header.isdigit() and len(header) < 19 else -1
    if not 0 <= length <= size:
        raise Refused(
            400,
            f"Inference-Header-Content-Length: {header[:32].decode('latin-1')!r}; expected the bytes of the JSON, "
            f"0 to {size:,}, the length of the (decompressed) body",
        )
    return length


def _read_json(text: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(
            400,
            f"body: no JSON ({error}); expected an inference request; where binary data follows it, "
            "Inference-Header-Content-Length tells how long the JSON is",
        ) from None
    if type(fields) is not dict:
        raise Refused(400, f'body: {shown(fields)}; expected an object such as {{"inputs": [...]}}')
    return fields


def _only_input(fields: dict[str, Any], name: str) -> dict[str, Any]:
    inputs = fields.get("inputs")
    if type(inputs) is not list or len(inputs) != 1 or type(inputs[0]) is not dict:
        raise Refused(400, f"inputs: {shown(inputs)}; expected a list of one object, the input {name!r}")
    if inputs[0].get("name") != name:
        raise Refused(400, f"inputs[0].name: {shown(inputs[0].get('name'))}; expected {name!r}")
    datatype = inputs[0].get("datatype")
    if datatype != "UINT8":
        raise Refused(400, f"inputs[0].datatype: {shown(datatype)}; expected 'UINT8': raw pixels, not normalised")
    return inputs[0]


def _pixels(head: Head, body: bytes, start: int | None) -> Pixels:
    """The pixels of the only input; its bytes stand in `body` from `start` on, None where all of it is JSON."""
    size = head.size
    if size is None:
        if start is not None and start != len(body):
            raise Refused(
                400, f"body: {len(body) - start:,} bytes behind the JSON; no inputs[0].parameters.binary_data_size"
            )
        return pixels_from_numbers(head.numbers, head.shape, "inputs[0].data")
    if start is None:
        raise Refused(400, "Inference-Header-Content-Length: missing; expected it where there is a binary_data_size")
    if type(size) is not int or size != len(body) - start:
        raise Refused(
            400, f"inputs[0].parameters.binary_data_size: {shown(size)}; the JSON is followed by {len(body) - start:,}"
        )
    return pixels_from_bytes(body, start, head.shape)


def _read_shape(shape: Any, picture: tuple[int, int, int]) -> tuple[int, ...]:
    # Compared by type as well: True counts as 1 otherwise, and 8.0 as 8.
    if (
        type(shape) is not list
        or len(shape) != 4
        or list(map(type, shape)) != _WHOLE
        or tuple(shape[1:]) != picture
        or not 1 <= shape[0] <= MOST_PICTURES
    ):
        expected = ", ".join(map(str, picture))
        raise Refused(
            400, f"inputs[0].shape: {shown(shape)}; expected [n, {expected}], n from 1 to {MOST_PICTURES} pictures"
        )
    return tuple(shape)


def _read_outputs(outputs: Any, expected: Expected, binary: bool) -> tuple[Wanted, ...]:
    """What `outputs` asks for; all of them where it is missing or empty. `binary` is what holds unless one says so."""
    if outputs is None or outputs == []:
        return _all_outputs(expected.output, binary)
    known = (expected.output, SCORES)
    if type(outputs) is not list or not all(type(each) is dict for each in outputs):
        raise Refused(400, f"outputs: {shown(outputs)}; expected a list of objects with the names {', '.join(known)}")
    wanted: dict[str, Wanted] = {}
    for index, output in enumerate(outputs):
        where, name = f"outputs[{index}]", output.get("name")
        if type(name) is not str or name not in known or name in wanted:
            problem = "given twice" if type(name) is str and name in wanted else "unknown"
            raise Refused(400, f"{where}.name: {shown(name)}, {problem}; expected {', '.join(known)}, each once")
        parameters = _parameters(output, where)
        own = _flag(parameters, "binary_data", where)
        classes = _classes(parameters, where, expected.labels)
        wanted[name] = Wanted(name=name, binary=binary if own is None else own, classes=classes)
    return tuple(wanted.values())


@lru_cache(maxsize=4)
def _all_outputs(name: str, binary: bool) -> tuple[Wanted, ...]:
    return Wanted(name=name, binary=binary), Wanted(name=SCORES, binary=binary)


def _classes(parameters: dict[str, Any], where: str, labels: int) -> int:
    count = parameters.get("classification")
    if count is None:
        return 0
    if type(count) is not int or not 1 <= count <= labels:
        raise Refused(
            400, f"{where}.parameters.classification: {shown(count)}; expected 1 to {labels}, the number of labels"
        )
    return count


def _parameters(holder: dict[str, Any], where: str) -> dict[str, Any]:
    """The parameters of a request, input or output. Those that are not known are the client's business, as in Triton.

    Raises Refused 400 where they ask for shared memory.
    """
    parameters = holder.get("parameters")
    if parameters is None:
        return {}
    if type(parameters) is not dict:
        raise Refused(400, f"{where}.parameters: {shown(parameters)}; expected an object")
    if "shared_memory_region" in parameters:
        raise Refused(400, f"{where}.parameters: shared memory is not served; send the tensor as binary data")
    return parameters


def _flag(parameters: dict[str, Any], name: str, where: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and type(value) is not bool:
        raise Refused(400, f"{where}.parameters.{name}: {shown(value)}; expected true or false")
    return value
