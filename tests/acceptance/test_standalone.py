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
from tests.acceptance.conftest import free_port
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


def descendants(pid: int) -> list[int]:
    """Every process that this one started, and those that they started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] + [grand for child in children for grand in descendants(int(child))]


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


def test_workers_of_files_let_single_predictions_go_first(stack: Stack) -> None:
    niceness = {
        process.name: os.getpriority(os.PRIO_PROCESS, process.pid) for process in stack.processes() if process.pid
    }
    bulk = {value for name, value in niceness.items() if name.startswith("bulk-worker")}
    others = {value for name, value in niceness.items() if not name.startswith("bulk-worker")}

    assert others == {os.getpriority(os.PRIO_PROCESS, 0)}
    assert bulk == {max(BULK_NICENESS, *others)}
