"""What the report says of agreement: plain values."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["float", "runtime", "endpoint", "device"]


@dataclass(frozen=True, kw_only=True)
class Answerer:
    """Something that was asked for the labels of the blind test.

    `also`: other artefacts whose file, in the same runtime, is the same to the byte. `group`: a position in
    `Facts.groups`. `pictures`: how many of the blind test it answered; `top1`: its share of right labels among them,
    None where there are none.
    """

    name: str
    kind: Kind
    also: tuple[str, ...]
    group: int
    pictures: int
    top1: float | None


@dataclass(frozen=True, kw_only=True)
class Group:
    """`names` of answerers whose logits are equal to the bit on every picture; `letter`: what it goes by on the page,
    A to Z, then AA, AB, ..."""

    letter: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two groups, by position, `first` below `second`, on the `pictures` that both answered.

    `flips`: how many of them got another label. `difference`: the largest of a logit; None where one of them tells only
    labels or scores, or an answer is no number.
    """

    first: int
    second: int
    pictures: int
    flips: int
    difference: float | None


@dataclass(frozen=True, kw_only=True)
class AgainstReference:
    """What a group's flips from the reference cost, and how close they were.

    `broken`: right labels that became wrong; `mended`: wrong ones that became right. `close`: flips of pictures whose
    two labels the reference holds at most one step of its output apart; None where its output has no steps.
    `widest`: the largest margin, in logits, of the reference on a picture that flipped; None without flips.
    """

    group: int
    pictures: int
    flips: int
    broken: int
    mended: int
    close: int | None
    widest: float | None


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A picture that `group` labels unlike the reference. `margin`: how much higher the reference's logit of its own
    label is than its logit of the other. `png`: base64 of the picture, at most 64 pixels a side."""

    picture: str
    truth: str
    reference: str
    group: int
    other: str
    margin: float
    png: str


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The REST service, started on this machine and asked for pictures of the blind test as PNG.

    `served`: what it ran. `pictures` were sent in `requests` within `seconds`, its start not counted. `flips`: labels,
    by name, unlike those that the same file in the same runtime gives here; `difference`: the largest of a score,
    0..1, of a label of the same name. `unknown`: label names that the data set does not have. `failure`: why there are
    no figures, or empty; `faulty`: whether that is because the server failed, and not because it cannot be asked here.
    """

    served: str
    pictures: int
    requests: int
    seconds: float
    flips: int
    difference: float
    unknown: tuple[str, ...]
    failure: str
    faulty: bool


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device's bench of a file of this run, beside the same file here.

    Milliseconds, one picture: `p50`, `p90`, `p99` there, `host_p50` here in the same runtime (None where it was not
    timed here). `load_ms`, `peak_bytes`, `temperature` (Celsius), `throttled`: as the device told.
    `golden_flips` of `golden_pictures` golden vectors have another label than they must have; `golden_difference`: the
    largest of a logit, None where it told labels only; `tolerance`: how large it may be. `golden_wrong`: positions of
    the golden vectors whose answer, the logits or else the label, is not within the tolerance.
    `blind_told`: of how many pictures it told the answer as of the blind test, `blind_known`: how many of them are.
    """

    file: str
    device: str
    board: str
    runtime: str
    versions: dict[str, str]
    model: str
    p50: float
    p90: float
    p99: float
    host_p50: float | None
    load_ms: float
    peak_bytes: int
    temperature: float | None
    throttled: bool | None
    golden_pictures: int
    golden_flips: int
    golden_difference: float | None
    tolerance: float
    golden_wrong: tuple[int, ...]
    blind_told: int
    blind_known: int


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A file of devices/ that tells nothing of this run, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Who gives the same labels on the `pictures` of the blind test.

    `reference`: the position of the group that the first artefact's reference is in, `reference_runtime`: that
    reference's runtime. `step`: one step of its output in logits, None where it is real-valued.
    `flips`: some of those pictures that flip, `flipping`: how many there are.
    """

    pictures: int
    reference: int
    reference_runtime: str
    step: float | None
    answerers: tuple[Answerer, ...]
    groups: tuple[Group, ...]
    pairs: tuple[Pair, ...]
    against: tuple[AgainstReference, ...]
    flipping: int
    flips: tuple[Flip, ...]
    endpoint: Endpoint
    devices: tuple[Device, ...]
    strangers: tuple[Stranger, ...]
