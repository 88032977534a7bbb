"""What a server takes: against processes that are really started, and lines as proc(5) has them."""

import os
import subprocess
import sys
import time

import pytest

from pipeline.bench.process_tree import (
    Stat,
    cpu_seconds,
    memory,
    parse_busy,
    parse_stat,
    processes_below,
    resident,
    tree_of,
    watching_others,
)

TICKS = os.sysconf("SC_CLK_TCK")


def test_stat_is_read_past_a_name_with_brackets_and_spaces() -> None:
    line = "42 (a) S 7 (b) R 7 42 42 0 -1 4194304 1 0 0 0 250 50 9 9 20 0 3 0 100"
    assert parse_stat(line) == Stat(pid=42, parent=7, cpu_seconds=300 / TICKS)


def test_tree_holds_grandchildren_and_no_strangers() -> None:
    processes = [Stat(pid=pid, parent=parent, cpu_seconds=0) for pid, parent in ((9, 5), (5, 2), (2, 1), (7, 1))]
    assert {each.pid for each in tree_of(2, processes)} == {2, 5, 9}


def test_busy_leaves_out_idle_and_waiting() -> None:
    assert parse_busy("cpu  100 10 30 99999 555 4 6 50 0 0\ncpu0 1 1 1") == pytest.approx(200 / TICKS)


def test_cpu_of_a_child_that_works_is_what_it_says_itself() -> None:
    script = "import time\nwhile time.process_time() < 0.5: pass\nprint(time.process_time(), flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        own = float(child.stdout.readline())
        assert child.pid in {each.pid for each in processes_below(os.getpid())}
        assert cpu_seconds(child.pid) == pytest.approx(own, abs=3 / TICKS)
        child.communicate("\n")


def test_memory_grows_by_what_is_allocated() -> None:
    before = memory(os.getpid())
    content = bytearray(os.urandom(64 * 2**20))
    after = memory(os.getpid())
    assert after.resident - before.resident == pytest.approx(len(content), rel=0.2)
    assert after.proportional - before.proportional == pytest.approx(len(content), rel=0.2)
    # statm counts in batches of pages for each thread; smaps_rollup walks them.
    assert resident([os.getpid()]) == pytest.approx(after.resident, rel=0.1)


def test_a_child_that_has_ended_and_was_not_asked_for_holds_no_memory() -> None:
    script = "import subprocess, sys\nsubprocess.Popen(['true'])\nprint(flush=True)\nsys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        parent.stdout.readline()
        time.sleep(0.2)
        assert len(processes_below(parent.pid)) == 2
        assert 0 < memory(parent.pid).resident < 64 * 2**20
        parent.communicate("\n")


def test_own_work_is_not_taken_for_that_of_others() -> None:
    with watching_others() as others:
        end = time.process_time() + 0.3
        while time.process_time() < end:
            pass
    assert 0 <= others[0] <= len(os.sched_getaffinity(0))
