"""What goes to a device's shell means what it says, and what comes back cannot harm a terminal."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.deploy.conversation import command_line, plain

ECHO = "import sys; sys.stdout.write('\\0'.join(sys.argv[1:]))"

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        words | st.sampled_from(["$(id)", "`id`", "a'b", 'a"b', "; rm -rf /", "~", "*", "!x", "\\", "-n"]), max_size=4
    )
)
def test_arguments_reach_the_program_as_they_are(arguments: list[str]) -> None:
    line = command_line(sys.executable, ["-S", "-c", ECHO, *arguments])
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True)
    assert done.stdout.decode().split("\0") == (arguments or [""])


def test_python_in_the_home_is_found_there(tmp_path: Path) -> None:
    (tmp_path / "my env").mkdir()
    (tmp_path / "my env" / "python").symlink_to(sys.executable)
    line = command_line("~/my env/python", ["-S", "-c", ECHO, "~"])
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, check=True, env={"HOME": str(tmp_path)})
    assert done.stdout == b"~"


@given(st.text())
def test_a_device_s_words_move_no_cursor(text: str) -> None:
    assert all(letter.isprintable() for letter in plain(text))


def test_escape_sequences_are_taken_out() -> None:
    assert "\x1b" not in plain("\x1b]0;taken\x07\x1b[31mred")


@pytest.mark.parametrize("name", ["look.py", "receive.py"])
def test_programs_for_the_device_run_in_python_3_6(name: str) -> None:
    path = Path(__file__).parents[3] / "edge" / "deploy" / "remote" / name
    command = [str(Path(sys.executable).with_name("vermin")), "-t=3.6-", "--no-tips", "--eval-annotations", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
