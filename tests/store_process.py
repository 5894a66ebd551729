"""A real Valkey or Redis server for tests, that can be killed and started again."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from redis import Redis
from redis.exceptions import RedisError

from standalone.store_server import find_store_server, store_configuration


class StoreProcess:
    """The server as `make up` runs it."""

    def __init__(self, state_dir: Path, runtime_dir: Path, extra: str = "") -> None:
        self._socket = runtime_dir / "store.sock"
        self._configuration = runtime_dir / "store.conf"
        self._configuration.write_text(store_configuration(state_dir=state_dir, socket=self._socket) + extra)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    @classmethod
    @contextmanager
    def run(cls, state_dir: Path, extra: str = "") -> Iterator[Self]:
        # A socket path may have about 100 characters, which a test's own folder can exceed.
        runtime_dir = Path(tempfile.mkdtemp(prefix="rowcall-test-"))
        process = cls(state_dir, runtime_dir, extra)
        process.start()
        try:
            yield process
        finally:
            process.end(signal.SIGKILL)
            shutil.rmtree(runtime_dir)

    def launch(self, *options: str) -> None:
        """Start it with further options, and do not wait until it answers."""
        command = [str(find_store_server()), str(self._configuration), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def start(self) -> None:
        self.launch()
        until = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.01)

    def _answers(self) -> bool:
        with Redis.from_url(self.url, protocol=2) as client:
            try:
                return bool(client.ping())
            except RedisError:
                return False

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: signal.Signals) -> None:
        self.send(number)
        assert self._process is not None
        self._process.wait()
