"""What a running worker holds: its settings, the model it serves now, its queue and its counters."""

import asyncio
import hashlib
import hmac
import logging
import os
import signal

from edge.device.errors import EdgewiseError, Refused
from serving.gate import Gate
from serving.memory import return_large_blocks
from serving.metrics import Metrics
from serving.model import load_model
from serving.settings import Settings, read_keys

SUPERVISOR = "EDGEWISE_SUPERVISOR"  # the process id of the parent that passes SIGHUP on to every worker

log = logging.getLogger("edgewise")


class State:
    """Opened once by each worker; raises what `load_model` and `read_keys` raise."""

    def __init__(self, settings: Settings) -> None:
        return_large_blocks()
        self.settings = settings
        self.model = load_model(settings.artifact, settings.runtime)
        self.gate = Gate(settings.queue, settings.seconds)
        self.metrics = Metrics()
        self.metrics.show(self.model)
        self._keys = tuple(hashlib.sha256(key).digest() for key in read_keys(settings.api_key_file))
        self._reloading = asyncio.Lock()

    @property
    def has_keys(self) -> bool:
        return bool(self._keys)

    def admit(self, headers: dict[bytes, bytes]) -> None:
        """Raise Refused 401 unless the request brings one of the keys, or none is asked for.

        Keys are compared as digests, in a time that does not tell how much of one was right.
        """
        if not self._keys:
            return
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        given = headers.get(b"x-api-key") or (bearer.strip() if scheme.lower() == b"bearer" else b"")
        digest = hashlib.sha256(given).digest()
        if sum(hmac.compare_digest(digest, key) for key in self._keys) == 0:  # every key is compared, whichever fits
            raise Refused(
                401,
                "API key missing or wrong; send one as X-API-Key: ..., or Authorization: Bearer ...",
                ((b"www-authenticate", b"Bearer"),),
            )

    async def reload(self) -> bool:
        """Serve what stands at the artefact's path now; whether that is another model than before.

        The new one is loaded and proven while the old one answers. Raises what `load_model` raises, and then the old
        one stays.
        """
        async with self._reloading:
            before = self.model
            self.model = await asyncio.to_thread(load_model, self.settings.artifact, self.settings.runtime)
            if self.model.manifest == before.manifest:
                return False
            self.metrics.show(self.model)
            log.info("now serving %s %s, before: %s", self.model.name, self.model.version, before.version)
            return True

    def reload_on_hangup(self) -> None:
        """From now on SIGHUP reloads, as does one that came while it was blocked; to be called in the running loop."""
        loop = asyncio.get_running_loop()
        waiting: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly

        def start() -> None:
            task = loop.create_task(self._reload_quietly())
            waiting.add(task)
            task.add_done_callback(waiting.discard)

        loop.add_signal_handler(signal.SIGHUP, start)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    async def _reload_quietly(self) -> None:
        try:
            await self.reload()
        except EdgewiseError as error:
            log.error("not reloaded, %s stays: %s", self.model.version, error)


def tell_siblings() -> bool:
    """Ask the supervisor that every worker reloads; whether there is one."""
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None or int(supervisor) != os.getppid():
        return False
    os.kill(os.getppid(), signal.SIGHUP)
    return True
