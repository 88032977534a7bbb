"""Our own files of a real run take turns."""

from pathlib import Path

import numpy as np

from pipeline.bench.latency import BASE, FLOAT, OURS, PEER, Entry, Pace, figures_of, ours, time_entries
from pipeline.bench.subject import open_subject
from pipeline.isolate import Child


def test_files_that_targets_share_stand_once_and_all_are_timed(finished_run: Path) -> None:
    subject = open_subject(finished_run)
    entries = ours(subject, subject.blind.pick(np.arange(4)))
    assert not any("tflite-micro" in name for name in entries)
    assert sum("model.tflite" in name and name.endswith(" litert") for name in entries) == 1
    with Child() as child:  # it holds TensorFlow to one thread and one core, for good
        seconds, others = child.call(time_entries, entries, Pace(rounds=2, seconds=0.01))
    assert {name: len(times) for name, times in seconds.items()} == dict.fromkeys(entries, 2)
    assert all(0 < time < 1 for times in seconds.values() for time in times)
    assert others >= 0


def test_ratios_and_the_fastest_are_told() -> None:
    def entry(whose: str) -> Entry:
        return Entry(whose=whose, file=Path("model"), runtime="litert", pictures=np.zeros((1, 1)))

    entries = {"a": entry(OURS), "b": entry(OURS), BASE: entry(FLOAT), "c": entry(PEER)}
    found = figures_of(entries, {"a": [2e-6, 2e-6], "b": [1e-6, 3e-6], BASE: [8e-6, 8e-6], "c": [1e-6, 1e-6]})
    assert found["entries"]["a"]["p50_us"] == 2
    assert found["entries"]["a"]["times_as_fast_as_tf_function"] == 4
    assert found["fastest"] == {OURS: "a", PEER: "c"}
    assert found["ours_against_fastest_peer"] == 2
