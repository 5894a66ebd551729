"""Memory that a block took stays with the process."""

import subprocess
import sys

import pytest

_COUNT_FAULTS = """
import resource
from worker.memory import keep_freed_memory

{call}

def take_buffers():
    return len([b"x" * (20 << 20) for _ in range(5)])

take_buffers()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
take_buffers()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(call: str) -> int:
    """Return the page faults of taking buffers for the second time, in a process of its own."""
    command = [sys.executable, "-c", _COUNT_FAULTS.format(call=call)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="another C library")
def test_buffers_that_were_freed_are_used_again_without_page_faults() -> None:
    assert count_faults("keep_freed_memory()") < count_faults("") / 4
