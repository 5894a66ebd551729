"""`make up` as a person uses it: it starts, says where, and leaves nothing running."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from standalone.stack import Stack
from tests.acceptance.conftest import descendants, free_port
from tests.acceptance.waiting import wait_until
from worker.priority import BULK_NICENESS


@contextmanager
def up(root: Path, data_dir: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"ROWCALL_DATA_DIR": str(data_dir), "ROWCALL_WORKERS": "1"} | variables
    command = [sys.executable, "-m", "standalone"]
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_up_prints_its_address_and_stops_with_nothing_left_running(
    root: Path, tmp_path: Path, number: signal.Signals
) -> None:
    port = free_port()
    with up(root, tmp_path, ROWCALL_PORT=str(port)) as process:
        line = read_line(process)
        started = descendants(process.pid)
        answered = httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code

        process.send_signal(number)
        status = process.wait(timeout=60)

    assert f"http://127.0.0.1:{port}" in line
    assert answered == 200
    assert len(started) >= 5
    assert [pid for pid in started if is_running(pid)] == []
    assert status == 0


def test_two_stacks_run_side_by_side(root: Path, tmp_path: Path, stack: Stack, http: httpx2.Client) -> None:
    port = free_port()
    person = {"height": 190, "weight": 70, "shoe_size": 43}
    with up(root, tmp_path, ROWCALL_PORT=str(port)) as process:
        read_line(process)
        here = http.post("/v1/predictions", json={"model": "gender", "input": person})
        there = httpx2.get(f"http://127.0.0.1:{port}{here.headers['Location']}")

    assert here.status_code == 202
    assert there.status_code == 404


def test_a_port_in_use_is_named(root: Path, tmp_path: Path, stack: Stack) -> None:
    with up(root, tmp_path, ROWCALL_PORT=stack.url.rpartition(":")[2]) as process:
        line = read_line(process)
        status = process.wait(timeout=60)

    assert "set ROWCALL_PORT to a free port" in line
    assert status == 1


def test_a_model_that_cannot_be_served_stops_the_start(root: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    port = str(free_port())
    with up(root, tmp_path, ROWCALL_PORT=port, ROWCALL_MODELS_DIR=str(tmp_path / "models")) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        status = process.wait(timeout=60)

    assert "worker-0 cannot start" in output
    assert "holds no model" in output
    assert status == 1


def test_the_api_process_has_no_model_code(stack: Stack) -> None:
    (api,) = [process for process in stack.processes() if process.name == "api-0"]

    libraries = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in [api.pid, *descendants(api.pid)])

    assert "orjson" in libraries
    assert [name for name in ("numpy", "scipy", "sklearn", "pyarrow", "pandas") if name in libraries] == []


def test_a_dead_process_is_started_again(stack: Stack, http: httpx2.Client) -> None:
    (api,) = [process for process in stack.processes() if process.name == "api-0"]
    os.kill(descendants(api.pid)[0], signal.SIGKILL)
    transport = httpx2.HTTPTransport(retries=5)

    with httpx2.Client(base_url=stack.url, transport=transport) as client:
        assert client.get("/livez").status_code == 200


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def test_server_processes_end_with_the_one_that_started_them_and_the_stack_comes_back(stack: Stack) -> None:
    (killed,) = [process for process in stack.processes() if process.name == "api-0"]
    servers = descendants(killed.pid)

    os.kill(killed.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_running(pid) for pid in servers), seconds=30)
    wait_until(lambda: answers(f"{stack.url}/readyz"), seconds=60)

    (started,) = [process for process in stack.processes() if process.name == "api-0"]
    assert len(servers) >= 2
    assert started.pid not in (0, killed.pid)


def test_a_server_that_is_told_to_stop_while_it_starts_ends_at_once(root: Path) -> None:
    environment = os.environ | {"ROWCALL_PORT": str(free_port()), "ROWCALL_REDIS_URL": "redis://127.0.0.1:1/0"}
    with subprocess.Popen([sys.executable, "-m", "api"], cwd=root, env=environment) as api:
        wait_until(lambda: len(descendants(api.pid)) == 2, seconds=30)
        servers = descendants(api.pid)

        api.terminate()

        assert api.wait(timeout=10) == 0
    assert [pid for pid in servers if is_running(pid)] == []


def test_workers_of_files_let_single_predictions_go_first(stack: Stack) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def niceness(*, of_bulk_workers: bool) -> set[int]:
        return {
            os.getpriority(os.PRIO_PROCESS, process.pid)
            for process in stack.processes()
            if process.pid and process.name.startswith("bulk-worker") == of_bulk_workers
        }

    wait_until(lambda: niceness(of_bulk_workers=True) == {max(BULK_NICENESS, own)}, seconds=30)

    assert niceness(of_bulk_workers=False) == {own}
