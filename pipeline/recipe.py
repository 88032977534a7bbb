"""recipe.toml, loaded once into frozen values. What a recipe may say stands here and nowhere else."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic.dataclasses import dataclass

from edge.boards import find_board
from edge.device.contract import FIRST_VERSION, Resize
from edge.device.errors import BadBoard, BadRecipe
from edge.settings_file import read_toml, refusals

_STRICT = ConfigDict(extra="forbid", validate_default=True)

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
BudgetTest = Literal["point", "bound"]

_NUMBER = "(0|[1-9][0-9]{0,8})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Data:
    """Where the pictures come from and how they are split.

    `split`: shares of training, validation and blind test; where the source brings its own test part, that is the
    blind test and the first two shares divide the rest in their proportion.
    """

    source: Literal["digits", "images", "npz", "tfds"] = "images"
    root: Path | None = None  # folder, archive or .npz at hand; comes before a download
    dataset: str | None = None  # tfds: name of the data set
    url: str | None = None  # downloaded once into the cache where root is not given
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    image_size: Annotated[int, Field(ge=4, le=1024)] = 32
    colour: Literal["RGB", "GREY"] = "RGB"
    resize: Resize = "stretch"
    split: tuple[Fraction, Fraction, Fraction] = (0.7, 0.2, 0.1)
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    skip_unreadable: bool = False
    duplicates: Literal["refuse", "drop"] = "refuse"  # a training picture that is also in the given test part
    minimum_per_class: Count = 10

    @field_validator("split")
    @classmethod
    def _adds_up(cls, split: tuple[float, float, float]) -> tuple[float, float, float]:
        if abs(sum(split) - 1) > 1e-6:
            raise ValueError(f"the shares add up to {sum(split):g}; expected 1")
        if min(split) <= 0:
            raise ValueError("each of training, validation and blind test needs a share above 0")
        return split

    @model_validator(mode="after")
    def _complete(self) -> "Data":
        if self.url is not None and self.sha256 is None:
            raise ValueError("url needs sha256, the checksum of the file behind it")
        if self.source == "tfds" and self.dataset is None:
            raise ValueError('source = "tfds" needs dataset, a name such as "cifar10"')
        if self.source in ("images", "npz") and self.root is None and self.url is None:
            raise ValueError(f'source = "{self.source}" needs root, a folder or file at hand, or url and sha256')
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Model:
    """An architecture of ours by `name`, or a Keras model by `file`.

    `input_scale`, `input_offset`: what a `file` wants to see is `byte * input_scale + input_offset`.
    """

    name: Literal["mlp", "cnn", "resnet8", "mobilenet_v1", "mobilenet_v2"] | None = None
    width: Positive = 1.0
    pretrained: str | None = None  # a weights file of the backbone, or "imagenet"
    file: Path | None = None
    input_scale: Positive = 1 / 128
    input_offset: float = -1.0

    @model_validator(mode="after")
    def _one(self) -> "Model":
        if (self.name is None) == (self.file is None):
            raise ValueError("give either name, an architecture of ours, or file, a Keras model")
        if self.pretrained is not None and self.name not in ("mobilenet_v1", "mobilenet_v2"):
            raise ValueError("pretrained backbones are for mobilenet_v1 and mobilenet_v2")
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Augment:
    """Random changes of training pictures. Fractions are of the picture's side; 0 and false leave a change out."""

    flip: bool = False
    crop: Fraction = 0.0  # largest shift
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0  # largest angle, degrees
    zoom: Annotated[float, Field(ge=0, le=0.9)] = 0.0  # largest change of scale
    brightness: Fraction = 0.0  # largest change, of full scale
    contrast: Fraction = 0.0  # largest relative change
    cutout: Fraction = 0.0  # side of a blanked square
    mixup: Annotated[float, Field(ge=0, le=10)] = 0.0  # alpha of its Beta distribution (Zhang et al. 2018)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class FineTune:
    """Second phase of transfer learning: the last `layers` of the backbone train too, at a lower rate."""

    epochs: Count = 10
    layers: Count = 30
    learning_rate: Positive = 1e-4


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Train:
    epochs: Annotated[int, Field(ge=0)] = 10  # 0: evaluate the model as it came
    batch_size: Count = 32
    optimizer: Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"] = "adam"
    learning_rate: Positive = 1e-3
    schedule: Literal["constant", "step", "exponential", "cosine"] = "constant"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    augment: Augment = Augment()
    fine_tune: FineTune | None = None
    early_stopping: Annotated[int, Field(ge=0)] = 0  # epochs without a better validation; 0: never
    checkpoint_minutes: Positive = 5.0
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = "auto"
    deterministic: bool = True  # same seed, same weights to the bit; "auto" precision is then float32
    devices: Literal["auto", "cpu", "gpu", "tpu"] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Quantize:
    """`budget`: the largest loss of top-1 against the float model, absolute (0.01 is one point). `budget_test`: what
    must be within it: "point", the loss as measured, or "bound", the largest that the pictures do not rule out with
    95 % confidence, for which they have to be many."""

    budget: Fraction = 0.01
    budget_test: BudgetTest = "point"
    aware: bool | Literal["auto"] = "auto"
    calibration_samples: Count = 200
    epochs: Count = 5  # quantization-aware training
    learning_rate: Positive = 1e-4
    allow_float_layers: bool = False  # leave layers in float that tfmot refuses


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Fpga:
    """The network in fixed point. `hidden`: units of the hidden layers of a student, small enough to be unrolled, that
    learns from the trained network; where it is not given, the trained network itself is put in fixed point."""

    hidden: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    input_bits: Annotated[int, Field(ge=1, le=8)] = 8  # of a byte: its lowest bits are left out
    activation_bits: Annotated[int, Field(ge=1, le=16)] | None = None  # as many as the weights' where not given
    sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share of weights that are 0
    batch_size: Count = 64
    mixup: Annotated[float, Field(ge=0, le=10)] = 1.0  # of pictures whose answers the student learns
    student_epochs: Count = 100
    student_learning_rate: Positive = 5e-3
    pruning_epochs: Count = 50  # after each of three rounds
    epochs: Count = 50  # with the numbers rounded
    learning_rate: Positive = 2e-3


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Limits:
    """Bounds that a target's artefact must keep. `budget` takes the place of quantize.budget for this target."""

    budget: Fraction | None = None
    bytes: Count | None = None  # the reference file and its weights
    latency_ms: Positive | None = None  # one picture, one thread, in the fastest runtime of this host
    arena_bytes: Count | None = None  # mcu
    flash_bytes: Count | None = None  # mcu
    cells: Count | None = None  # fpga
    clock_mhz: Positive | None = None  # fpga: at least


TargetName = Literal["cpu", "coral", "jetson", "mcu", "openvino", "tpu", "fpga"]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Export:
    targets: Annotated[tuple[TargetName, ...], Field(min_length=1)] = ("cpu", "coral", "jetson", "mcu", "openvino")
    boards: Annotated[dict[TargetName, str], Field(default_factory=dict)]  # the board of a target, where one is meant
    limits: Annotated[dict[TargetName, Limits], Field(default_factory=dict)]
    temperature_scaling: bool = False  # divide logits so that scores on validation are the chance to be right

    @field_validator("boards")
    @classmethod
    def _known(cls, boards: dict[TargetName, str]) -> dict[TargetName, str]:
        for target, name in boards.items():
            try:
                find_board(target, name)
            except BadBoard as error:
                raise ValueError(f"{target}: {error}") from None
        return boards


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Recipe:
    """`version`: what devices are told of this model, MAJOR.MINOR.PATCH with -pre where it is not final (Semantic
    Versioning 2.0.0); raise it for what is to take the place of the model that they have."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    version: str = FIRST_VERSION
    data: Data
    model: Model
    train: Train = Train()
    quantize: Quantize = Quantize()
    fpga: Fpga = Fpga()
    export: Export = Export(boards={}, limits={})

    @field_validator("version")
    @classmethod
    def _semantic(cls, version: str) -> str:
        if len(version) > 64 or not _VERSION.fullmatch(version):
            raise ValueError(f"received {version[:64]!r}, expected MAJOR.MINOR.PATCH, such as 1.2.0 or 1.2.0-rc.1")
        return version

    def limits(self, target: TargetName) -> Limits:
        """The bounds that the artefact of `target` must keep."""
        return self.export.limits.get(target, Limits())

    def budget(self, target: TargetName) -> float:
        """The largest loss of top-1 that `target` may have, as a share."""
        own = self.limits(target).budget
        return self.quantize.budget if own is None else own


_RECIPE = TypeAdapter(Recipe)


def load_recipe(path: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe; each override is `section.key=value` with a TOML value (a bare word is taken as text).

    Relative paths in it are relative to the recipe's folder.
    Raises BadRecipe, naming the key.
    """
    table = read_toml(path, BadRecipe, "recipes stand in recipes/, e.g. recipes/digits.toml")
    _anchor_paths(table, path.parent)
    for override in overrides:
        _override(table, override)
    try:
        return _RECIPE.validate_python(table)
    except ValidationError as error:
        raise BadRecipe("\n".join(f"{path}: {line}" for line in refusals(error, _known_keys()))) from None


def settings_of(section: Any) -> dict[str, Any]:
    """A section as plain JSON values, for a manifest."""
    return TypeAdapter(type(section)).dump_python(section, mode="json")  # type: ignore[no-any-return]


def _anchor_paths(table: dict[str, Any], folder: Path) -> None:
    for section, key in (("data", "root"), ("model", "file"), ("model", "pretrained")):
        values = table.get(section)
        if isinstance(values, dict) and isinstance(values.get(key), str) and values[key] != "imagenet":
            values[key] = str(folder / Path(values[key]).expanduser())


def _override(table: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    *sections, last = key.strip().split(".")
    if not equals or not last:
        raise BadRecipe(f"--set {override}: expected section.key=value, e.g. --set train.epochs=3")
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise BadRecipe(f"--set {override}: {section} is not a section")
    try:
        table[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        # A bare word or path; "~" is a shell's sign, but make hands it on as it is.
        table[last] = str(Path(text).expanduser()) if text.startswith("~") else text


def _known_keys() -> list[str]:
    sections: dict[str, type[Any]] = {
        "data": Data,
        "model": Model,
        "train": Train,
        "quantize": Quantize,
        "fpga": Fpga,
        "export": Export,
    }
    nested = {**sections, "train.augment": Augment, "train.fine_tune": FineTune}
    return [
        "name",
        "version",
        *sections,
        *(f"{name}.{field.name}" for name, part in nested.items() for field in fields(part)),
    ]
