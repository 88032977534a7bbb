"""Choosing the device that trains."""

import pytest

from edge.device.errors import Unavailable
from pipeline.isolate import Child
from pipeline.recipe import Train
from pipeline.training.devices import choose_place


def test_a_tpu_that_is_not_there_is_one_clear_message(monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    # In a process of its own: TensorFlow connects to devices once in each.
    with Child() as child, pytest.raises(Unavailable, match=r'train.devices = "tpu": TensorFlow sees none here'):
        child.call(choose_place, Train(devices="tpu"))


def test_a_cpu_trains_in_float32_where_repetition_is_promised():
    place = choose_place(Train(devices="cpu"))
    assert (place.precision, place.words) == ("float32", "CPU, float32")
