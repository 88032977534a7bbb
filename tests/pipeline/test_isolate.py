import os
import signal

import pytest

from edge.device.errors import BadModel, ConversionFailed
from pipeline.isolate import Child


def crash() -> None:
    os.write(2, b"operator LSTM is not for me\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def raise_ours() -> None:
    raise BadModel("layer x: not for us")


def raise_other() -> None:
    raise RuntimeError("deep inside")


def add(first: int, second: int = 1) -> int:
    return first + second


def child_id() -> int:
    return os.getpid()


def test_result_comes_back_from_the_same_child() -> None:
    with Child() as child:
        assert child.call(add, 2, second=3) == 5
        assert child.call(child_id) == child.call(child_id) != os.getpid()


def test_crash_is_an_error_with_the_last_words_and_the_next_call_works() -> None:
    with Child() as child:
        with pytest.raises(ConversionFailed, match=r"crashed \(SIGSEGV\).*operator LSTM is not for me"):
            child.call(crash)
        assert child.call(add, 1) == 2


def test_error_of_ours_comes_back_as_it_is() -> None:
    with Child() as child, pytest.raises(BadModel, match="layer x: not for us"):
        child.call(raise_ours)


def test_foreign_error_becomes_a_conversion_error() -> None:
    with Child() as child, pytest.raises(ConversionFailed, match="RuntimeError: deep inside"):
        child.call(raise_other)
