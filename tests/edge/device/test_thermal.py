"""What boards tell of warmth and throttling, from copies of their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.device.thermal import Throttling, slowed, temperature, throttling

COOLER = "class/thermal/cooling_device0"
POLICY = "devices/system/cpu/cpufreq/policy0"


def lay_down(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_hottest_sensor_counts_and_nonsense_does_not(tmp_path: Path) -> None:
    zones = {"0": "48312\n", "1": "51000\n", "2": "-274000\n", "3": "", "4": "200000\n"}
    lay_down(tmp_path, {f"class/thermal/thermal_zone{zone}/temp": text for zone, text in zones.items()})
    assert temperature(tmp_path) == 51.0


def test_board_without_sensors_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert temperature(tmp_path) is None
    assert throttling(tmp_path) == Throttling(capped=None, events=None)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"{COOLER}/type": "thermal-cpufreq-0\n", f"{COOLER}/cur_state": "0\n"}, False),
        ({f"{COOLER}/type": "thermal-cpufreq-0\n", f"{COOLER}/cur_state": "3\n"}, True),
        ({f"{COOLER}/type": "pwm-fan\n", f"{COOLER}/cur_state": "3\n"}, None),
        ({f"{POLICY}/scaling_max_freq": "1500000\n", f"{POLICY}/cpuinfo_max_freq": "1500000\n"}, False),
        ({f"{POLICY}/scaling_max_freq": "600000\n", f"{POLICY}/cpuinfo_max_freq": "1500000\n"}, True),
    ],
)
def test_kernel_tells_whether_the_clock_is_held_down(
    files: dict[str, str], expected: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert throttling(lay_down(tmp_path, files)).capped is expected


@pytest.mark.parametrize(("told", "expected"), [("0x0", False), ("0x50000", False), ("0x50005", True), ("what", None)])
def test_raspberry_tells_of_this_moment(
    told: str, expected: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "vcgencmd"
    program.write_text(f"#!/bin/sh\necho throttled={told}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert throttling(tmp_path).capped is expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((None, None), (None, None), None),
        ((False, None), (False, None), False),
        ((False, None), (True, None), True),
        ((None, 5), (None, 5), False),
        ((False, 5), (False, 6), True),
    ],
)
def test_slowed_down_is_what_is_capped_or_has_happened_since(
    before: tuple[bool | None, int | None], after: tuple[bool | None, int | None], expected: bool | None
) -> None:
    assert slowed(Throttling(*before), Throttling(*after)) is expected
