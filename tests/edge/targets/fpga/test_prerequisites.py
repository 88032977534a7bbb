import sys
from pathlib import Path

import pytest

from edge.device.errors import Unavailable
from edge.targets.fpga.prerequisites import require_tools


def test_missing_tool_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    # Beside another Python nothing is installed, and nothing is on PATH.
    monkeypatch.setattr(sys, "executable", str(Path(tmp_path) / "python"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match=r"missing; make setup-fpga"):
        require_tools()
