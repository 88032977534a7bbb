"""The devices of a fleet are folders behind the one ssh server of the deployment's tests."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Fixtures of the neighbouring folder, which pytest does not share between them.
_spec = importlib.util.spec_from_file_location("deploy_fixtures", Path(__file__).parents[1] / "deploy" / "conftest.py")
assert _spec is not None and _spec.loader is not None
_deploy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_deploy)
ssh, push, public_key = _deploy.ssh, _deploy.push, _deploy.public_key


@pytest.fixture
def devices(tmp_path: Path, public_key: Path) -> Callable[..., Path]:
    """Write devices.toml: a name and a target each; those called "off..." are at a port where nothing listens."""

    def write(**targets: str) -> Path:
        (tmp_path / "signing.pub.pem").write_bytes(public_key.read_bytes())
        lines = ["[defaults]", 'key = "signing.pub.pem"', f"python = {json.dumps(sys.executable)}"]
        for name, target in targets.items():
            host = "127.0.0.1" if name.startswith("off") else "device"
            lines += ["[[device]]", f'name = "{name}"', f'host = "{host}"', f'target = "{target}"']
            lines += [f"root = {json.dumps(str(tmp_path / name))}", *(["port = 1"] if name.startswith("off") else [])]
        path = tmp_path / "devices.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def fleet(ssh: Any, tmp_path: Path) -> Callable[..., Any]:
    """`edgewise fleet`, in a process of its own."""

    def run(command: str, *words: object) -> Any:
        environment = {**os.environ, "COLUMNS": "200"}
        code = "from pipeline.cli import main; main()"
        line = [sys.executable, "-c", code, "fleet", command, *map(str, words), "--ssh-config", str(ssh.config)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment)

    return run
