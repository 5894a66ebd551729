"""Has a worker come up?"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos.rowcall_system import has_written_health


@pytest.fixture
def pid() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def health_file(tmp_path: Path) -> Path:
    path = tmp_path / "worker-0.health"
    path.write_text("now")
    return path


def test_a_file_that_was_written_since_its_start_says_so(pid: int, health_file: Path) -> None:
    os.utime(health_file, (time.time() + 1, time.time() + 1))

    assert has_written_health(health_file, pid)


def test_the_file_of_the_one_before_it_does_not(pid: int, health_file: Path) -> None:
    os.utime(health_file, (time.time() - 60, time.time() - 60))

    assert not has_written_health(health_file, pid)


def test_without_a_file_or_a_process_there_is_none(pid: int, health_file: Path, tmp_path: Path) -> None:
    assert not has_written_health(tmp_path / "worker-1.health", pid)
    assert not has_written_health(health_file, 4_194_303)
