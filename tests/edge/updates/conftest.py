"""An update repository, the web server that serves it, and a device that has the version before."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.bundle.runner import runner
from edge.device.bundle import unpack
from edge.device.slots import Root, name_device, switch
from edge.device.update.client import Seen, look
from edge.device.update.fetcher import Fetcher
from edge.device.update.trust import trust
from edge.updates.order import Order
from edge.updates.plan import Terms
from edge.updates.publication import Published, publish

MakeBundle = Callable[..., Path]

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Web:
    """The server: what it serves, and what it was asked."""

    url: str
    faults: Path
    log: Path

    def misbehave(self, *faults: dict[str, Any]) -> None:
        self.faults.write_text(json.dumps(faults))

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def wait_for(self, part: str) -> list[dict[str, Any]]:
        """The requests for paths that have `part` in them, once the server is done with one."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = [each for each in self.requests() if part in each["path"]]
            if found:
                return found
            time.sleep(0.01)
        raise TimeoutError(f"nobody asked for {part}")

    def forget(self) -> None:
        self.log.unlink(missing_ok=True)


@dataclass(frozen=True)
class Repository:
    """The folder that is served, with its keys beside it."""

    path: Path
    keys: Path

    def publish(self, *bundles: Path, terms: Terms = Terms(), **order: Any) -> Published:  # noqa: B008 - frozen
        return publish(self.path, self.keys, Order(bundles=bundles, **order), terms)

    @property
    def root(self) -> Path:
        return self.path / "metadata" / "1.root.json"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def repository(tmp_path: Path, make_bundle: MakeBundle) -> Repository:
    """One that has version 1.0.0, which devices have, too."""
    made = Repository(path=tmp_path / "updates", keys=tmp_path / "keys")
    made.publish(make_bundle())
    return made


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Web]]:
    """Start a web server, a process of its own, for tmp_path/updates."""
    faults, log, folder = tmp_path / "faults.json", tmp_path / "requests.jsonl", tmp_path / "updates"
    faults.write_text("[]")
    with contextlib.ExitStack() as stack:

        def start(*certificate: Path) -> Web:
            script = Path(__file__).with_name("web_server.py")
            command = [sys.executable, *map(str, (script, folder, faults, log, *certificate))]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            assert process.stdout is not None
            place = f"127.0.0.1:{process.stdout.readline().strip()}"
            return Web(url=f"{'https' if certificate else 'http'}://{place}", faults=faults, log=log)

        yield start


@pytest.fixture
def web(serve: Callable[..., Web]) -> Web:
    return serve()


@pytest.fixture
def device(tmp_path: Path, repository: Repository, make_bundle: MakeBundle, signing_key: Path) -> Root:
    """A device that has version 1.0.0, and believes the repository."""
    root = Root(path=tmp_path / "device")
    root.trusted.mkdir(parents=True)
    public = signing_key.with_suffix(".pub.pem")
    (root.trusted / "signing.pem").write_bytes(public.read_bytes())
    unpack(make_bundle(), root.slots / "a", [public])
    switch(root, root.slots / "a")
    name_device(root, "cpu", "")
    trust(root, repository.root)
    return root


@pytest.fixture
def seen(web: Web, device: Root) -> Callable[..., Seen]:
    """What the device sees of the repository now."""

    def ask(root: Root = device, **settings: Any) -> Seen:
        fetcher = Fetcher(**{"patience": 5.0, "tries": 2, "pause": 0.01, **settings})
        try:
            return look(root, web.url, fetcher)
        finally:
            fetcher.close()

    return ask


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner as it goes to devices."""
    file = tmp_path_factory.mktemp("runner") / "edgewise-device.pyz"
    file.write_bytes(runner())
    return file


Update = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def update(program: Path, device: Root, web: Web) -> Update:
    """Run `update` from the zipapp, in a process of its own."""

    def run(*arguments: object, python: str = sys.executable, flags: tuple[str, ...] = ()) -> Any:
        command = [python, *flags, str(program), "update", "--root", str(device.path), "--repository", web.url]
        environment = {name: value for name, value in os.environ.items() if name not in PROXIES}
        return subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, timeout=100, env=environment
        )

    return run
