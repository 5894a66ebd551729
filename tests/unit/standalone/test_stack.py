"""Why a stack refuses to start, before it has started anything."""

import fcntl
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import Settings
from standalone.stack import Stack, StackFailed, running_stack


@pytest.fixture
def port_in_use() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def settings(tmp_path: Path, port_in_use: int) -> Settings:
    """A stack that would find its port in use."""
    return Settings(data_dir=tmp_path / "data", port=port_in_use)


@pytest.fixture
def runtime_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def start(settings: Settings) -> None:
    with running_stack(settings):
        pytest.fail("it started")


def test_a_port_in_use_is_answered_with_the_variable_to_set(settings: Settings, port_in_use: int) -> None:
    with pytest.raises(StackFailed, match=f"127.0.0.1:{port_in_use} .* set ROWCALL_PORT"):
        start(settings)


def test_an_address_of_another_machine_is_answered_with_its_name(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"host": "192.0.2.1"})

    with pytest.raises(StackFailed, match=r"Cannot listen on 192\.0\.2\.1"):
        start(elsewhere)


def test_a_data_folder_in_use_is_answered_with_the_variable_to_set(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with (settings.data_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(StackFailed, match="set ROWCALL_DATA_DIR"):
            start(settings)


def test_a_stack_that_could_not_start_gives_its_data_folder_back(settings: Settings) -> None:
    with pytest.raises(StackFailed, match="ROWCALL_PORT"):
        start(settings)

    with (settings.data_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_stack_that_could_not_start_leaves_no_temporary_folder(settings: Settings, runtime_root: Path) -> None:
    with pytest.raises(StackFailed):
        start(settings)

    assert list(runtime_root.iterdir()) == []


def test_a_stack_says_where_it_answers_and_where_its_logs_are(settings: Settings, tmp_path: Path) -> None:
    stack = Stack(settings, runtime_dir=tmp_path)

    assert (stack.url, stack.logs_dir) == (f"http://127.0.0.1:{settings.port}", tmp_path / "data" / "logs")


def test_a_stack_that_was_not_started_can_be_stopped(settings: Settings, tmp_path: Path) -> None:
    Stack(settings, runtime_dir=tmp_path).stop()
