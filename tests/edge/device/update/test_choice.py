"""Laws of the choice: whatever a repository offers, a device takes nothing that it must not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.device.bundle.description import Description, File, Need
from edge.device.bundle.versions import version_key
from edge.device.slots import Device
from edge.device.update.choice import Offer, choose
from edge.device.update.policy import Policy, covers, position

DEVICE = Device(id="3f2c", target="cpu", board="pi-5")
INSTALLED = Description(
    name="tiny",
    version="1.1.0",
    target="cpu",
    precision="int8-ptq",
    python="3.9",
    runtimes=(Need(runtime="litert", package="ai-edge-litert", version="1.0.1"),),
    files=(File(name="LICENSE", size=1, sha256="0" * 64),),
)

VERSIONS = st.sampled_from(["1.0.0", "1.1.0-rc.1", "1.1.0", "1.2.0-rc.1", "1.2.0", "1.10.0", "2.0.0"])


def offer(version: str, *, name: str = "tiny", target: str = "cpu", board: str = "") -> Offer:
    file = f"{name}-{version}-{target}.bundle"
    return Offer(file=file, name=name, version=version, target=target, board=board, size=1, sha256="0" * 64)


OFFERS = st.lists(
    st.builds(
        offer,
        VERSIONS,
        name=st.sampled_from(["tiny", "other"]),
        target=st.sampled_from(["cpu", "coral"]),
        board=st.sampled_from(["", "pi-5", "pi-4"]),
    ),
    max_size=8,
    unique_by=lambda each: each.file,
)
FILES = VERSIONS.map(lambda version: offer(version).file)
POLICIES = st.builds(
    Policy,
    rollout=st.dictionaries(FILES, st.floats(0, 100)),
    halted=st.lists(FILES).map(tuple),
    pins=st.one_of(st.just({}), VERSIONS.map(lambda version: {"3f2c": {"tiny": version}})),
)


@given(
    offers=OFFERS, policy=POLICIES, failed=st.dictionaries(FILES, st.just("failed here")), pin=st.just("") | VERSIONS
)
def test_what_is_chosen_is_ours_newer_allowed_and_the_newest(
    offers: list[Offer], policy: Policy, failed: dict[str, str], pin: str
) -> None:
    choice = choose(offers, DEVICE, INSTALLED, policy, failed, pin)
    wanted = pin or policy.pins.get("3f2c", {}).get("tiny", "")

    def allowed(each: Offer) -> bool:
        return (
            (each.name, each.target) == ("tiny", "cpu")
            and each.board in ("", "pi-5")
            and version_key(each.version) > version_key("1.1.0")
            and each.file not in policy.halted
            and each.file not in failed
            and (each.version == wanted if wanted else covers(policy, "3f2c", each.file))
        )

    fitting = sorted(filter(allowed, offers), key=lambda each: version_key(each.version))
    assert choice.offer == (fitting[-1] if fitting else None)


@given(device=st.text(), file=st.text(), percents=st.tuples(st.floats(0, 100), st.floats(0, 100)).map(sorted))
def test_roll_out_is_the_same_each_time_and_never_leaves_one_out_again(
    device: str, file: str, percents: list[float]
) -> None:
    less, more = (covers(Policy(rollout={file: percent}), device, file) for percent in percents)
    assert more or not less
    assert 0 <= position(device, file) < 100
    assert not covers(Policy(rollout={file: 0}), device, file) and covers(Policy(), device, file)


def test_roll_out_reaches_as_many_devices_as_it_says() -> None:
    count = sum(covers(Policy(rollout={"f": 25}), f"device-{number}", "f") for number in range(10_000))
    assert abs(count - 2500) < 4 * (10_000 * 0.25 * 0.75) ** 0.5


def test_each_file_has_another_order_of_devices() -> None:
    first = [covers(Policy(rollout={"a": 50}), str(number), "a") for number in range(1000)]
    second = [covers(Policy(rollout={"b": 50}), str(number), "b") for number in range(1000)]
    assert 400 < sum(one == other for one, other in zip(first, second, strict=True)) < 600


def test_every_newer_version_that_is_not_taken_has_its_reason() -> None:
    files = {version: offer(version).file for version in ("1.2.0", "1.3.0", "1.4.0", "1.5.0")}
    policy = Policy(rollout={files["1.4.0"]: 0, files["1.5.0"]: 100}, halted=(files["1.5.0"],))
    choice = choose(map(offer, files), DEVICE, INSTALLED, policy, {files["1.3.0"]: "failed here: vector 3"})
    assert choice.offer == offer("1.2.0")
    assert [reason.partition(": ")[2][:24] for reason in choice.passed] == [
        "halted",
        "rolled out to 0 % of the",
        "failed here: vector 3; n",
    ]


def test_pin_that_cannot_be_had_is_said() -> None:
    def reason(pin: str, *versions: str) -> str:
        (passed,) = choose(map(offer, versions), DEVICE, INSTALLED, Policy(), {}, pin).passed
        return passed

    assert "which the repository does not have" in reason("1.3.0", "1.2.0")
    assert "older than 1.1.0, which is installed" in reason("1.0.0", "1.0.0", "1.2.0")


def test_pin_to_what_is_installed_holds_newer_ones_off() -> None:
    assert choose([offer("1.1.0"), offer("1.2.0")], DEVICE, INSTALLED, Policy(), {}, "1.1.0").offer is None


def test_device_of_no_known_board_takes_what_is_for_any() -> None:
    unknown = replace(DEVICE, board="")
    offers = [offer("1.2.0", board="pi-5"), offer("1.1.1")]
    assert choose(offers, unknown, INSTALLED, Policy(), {}).offer == offers[1]
