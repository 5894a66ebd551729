"""What every FileStore must do when a process is killed, has no room, or forks."""

import signal

import pytest

from tests.integration.file_store.conftest import KEY, MEGABYTE, Place, is_visible, run_child


def test_a_killed_writer_leaves_nothing_visible(place: Place) -> None:
    program = f"""
class Endless:
    left = 20
    def read(self, size):
        self.left -= 1
        if self.left < 0:
            print("writing", flush=True)
            sys.stdin.read()
        return b"x" * size
files.write_from({KEY!r}, Endless(), max_bytes=10**9)
"""
    with run_child(program, place) as child:
        assert child.stdout is not None
        said = child.stdout.readline()

        child.send_signal(signal.SIGKILL)

    assert said == "writing\n"
    assert not is_visible(place.files)


@pytest.mark.parametrize("size", [2 * MEGABYTE, 1 * MEGABYTE + 1])
def test_a_full_disk_is_told_and_nothing_is_left(place: Place, size: int) -> None:
    program = f"""
import resource
from shared.errors import FileStoreFull
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    with files.open_writer({KEY!r}) as writer:
        writer.write(b"x" * {size})
except FileStoreFull as error:
    print(error)
"""

    said, _ = run_child(program, place).communicate()

    assert "no room left" in said
    assert place.everything() == []


def test_a_store_works_after_a_fork(place: Place) -> None:
    program = f"""
import os
files.write_from({KEY!r}, open("/dev/null", "rb"), max_bytes=1)
if child := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
files.write_from("batches/bat_a/child", open("/dev/null", "rb"), max_bytes=1)
os._exit(0)
"""

    run_child(program, place).communicate()

    assert place.everything() == ["batches/bat_a/child", KEY]
