"""A whole stack on this machine: start it, wait until it is ready, stop it with nothing left running."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.child_process import end_with_parent
from shared.queues import Lane
from shared.settings import Settings
from standalone.process_manager import (
    STOP_SECONDS,
    ManagedProcess,
    Program,
    list_processes,
    manager_command,
    manager_configuration,
    quote_percent,
)
from standalone.store_server import find_store_server, store_configuration

ROOT = Path(__file__).resolve().parent.parent
#: Loading scikit-learn takes seconds on a cold machine.
START_SECONDS = 120.0
_LOOK_SECONDS = 0.1
_LOG_LINES = 5


class StackFailed(Exception):
    """Raised when a stack cannot start; the message says why and what to do."""


class Stack:
    """One running stack. State lies in `data_dir`; sockets in a short-lived folder of its own."""

    def __init__(self, settings: Settings, *, runtime_dir: Path) -> None:
        self._settings = settings
        self._runtime_dir = runtime_dir
        # Absolute, because the processes run in the folder of the code.
        self._data_dir = settings.data_dir.resolve()
        self.logs_dir = self._data_dir / "logs"
        self.url = f"http://{settings.host}:{settings.port}"
        self._environment = os.environ | settings.to_environment()
        self._manager: subprocess.Popen[bytes] | None = None
        self._control_socket = runtime_dir / "control.sock"

    @property
    def store_url(self) -> str:
        """The job store's URL; with the embedded server only this machine can reach it."""
        return self._environment["ROWCALL_REDIS_URL"]

    def start(self) -> None:
        """Start every process, and return when a job would be answered; raises StackFailed."""
        self.logs_dir.mkdir(parents=True, exist_ok=True)
        _require_free_port(self._settings.host, self._settings.port)
        configuration = self._runtime_dir / "supervisord.conf"
        configuration.write_text(
            manager_configuration(
                self._programs(), control_socket=self._control_socket, logs_dir=self.logs_dir, root=ROOT
            )
        )
        self._manager = subprocess.Popen(
            manager_command(configuration),
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # A Ctrl-C in the terminal must reach us alone: we stop the others in order.
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - this process has no other threads
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _programs(self) -> list[Program]:
        settings = self._settings
        programs = []
        if "redis_url" not in settings.model_fields_set:
            programs.append(self._store_program())
        programs += [
            self._worker_program("worker", Lane.INTERACTIVE, settings.workers),
            self._worker_program("bulk-worker", Lane.BULK, settings.bulk_workers),
            Program("api", [sys.executable, "-m", "api"], priority=30),
        ]
        if settings.webhooks:
            programs.append(self._program("webhooks", [sys.executable, "-m", "worker.webhooks"]))
        return programs

    def _worker_program(self, name: str, lane: Lane, copies: int) -> Program:
        """Workers of one lane only, so that a flood of files never delays a single prediction."""
        return self._program(name, [sys.executable, "-m", "worker"], copies=copies, lanes=lane.value)

    def _program(self, name: str, command: list[str], *, copies: int = 1, lanes: str | None = None) -> Program:
        """A process with a health file of its own."""
        health_file = f"{quote_percent(str(self._runtime_dir))}/{name}-%(process_num)d.health"
        environment = f'ROWCALL_HEALTH_FILE="{health_file}"'
        if lanes is not None:
            environment = f'ROWCALL_LANES="{lanes}",{environment}'
        return Program(name, command, priority=20, copies=copies, environment=environment)

    def _store_program(self) -> Program:
        state_dir = self._data_dir / "store"
        state_dir.mkdir(parents=True, exist_ok=True)
        store_socket = self._runtime_dir / "store.sock"
        configuration = self._runtime_dir / "store.conf"
        configuration.write_text(store_configuration(state_dir=state_dir, socket=store_socket))
        self._environment["ROWCALL_REDIS_URL"] = f"unix://{store_socket}"
        return Program("store", [str(find_store_server()), str(configuration)], priority=10)

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._manager is None or self._manager.poll() is not None:
                raise StackFailed(f"The process manager ended; see {self.logs_dir}/supervisord.log")
            refusal = self._find_refusal()
            if refusal is not None:
                raise StackFailed(f"{refusal} cannot start:\n{self._last_lines(refusal)}")
            if time.monotonic() > until:
                raise StackFailed(f"Not ready after {START_SECONDS:g} s; see the logs in {self.logs_dir}")
            time.sleep(_LOOK_SECONDS)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5.0) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def processes(self) -> list[ManagedProcess]:
        """Return the processes of this stack; raises OSError while the process manager does not listen."""
        return list_processes(self._control_socket)

    def _find_refusal(self) -> str | None:
        try:
            return next((process.name for process in self.processes() if process.has_given_up), None)
        except OSError:
            # It does not listen yet.
            return None

    def _last_lines(self, process: str) -> str:
        try:
            lines = (self.logs_dir / f"{process}.log").read_text().splitlines()
        except OSError:
            return "(it wrote no log)"
        return "\n".join(lines[-_LOG_LINES:])

    def wait(self) -> int:
        """Return the exit status of the process manager when it ends."""
        assert self._manager is not None
        return self._manager.wait()

    def stop(self) -> None:
        """Stop every process: workers finish what is in hand, and the server writes its file."""
        if self._manager is None or self._manager.poll() is not None:
            return
        self._manager.terminate()
        try:
            # One after the other in the worst case: store, workers, API.
            self._manager.wait(3 * STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._manager.kill()
            self._manager.wait()


@contextmanager
def running_stack(settings: Settings) -> Iterator[Stack]:
    """Start a stack for the time of the block; raises StackFailed or NoStoreServer."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        detail = f"Cannot keep state in {settings.data_dir} ({error.strerror}); set ROWCALL_DATA_DIR to another folder."
        raise StackFailed(detail) from error
    runtime_dir = Path(tempfile.mkdtemp(prefix="rowcall-"))
    try:
        with _only_stack_in(settings.data_dir):
            stack = Stack(settings, runtime_dir=runtime_dir)
            stack.start()
            try:
                yield stack
            finally:
                stack.stop()
    finally:
        shutil.rmtree(runtime_dir, ignore_errors=True)


@contextmanager
def _only_stack_in(data_dir: Path) -> Iterator[None]:
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StackFailed(f"Another stack uses {data_dir}; set ROWCALL_DATA_DIR to another folder.") from error
        yield


def _require_free_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StackFailed(
                f"Cannot listen on {host}:{port} ({error.strerror}); set ROWCALL_PORT to a free port."
            ) from error
