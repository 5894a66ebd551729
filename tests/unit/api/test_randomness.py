"""Random bytes that are fetched in advance and still given out once only."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api.randomness import random_bytes

PIECES = 2_000
#: A process that has bytes in advance, and a child that was forked from it.
FORKED = """
import os
from api.randomness import random_bytes

random_bytes()
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, random_bytes())
    os._exit(0)
print(random_bytes().hex(), os.read(reader, 16).hex())
"""


def test_a_piece_has_16_bytes() -> None:
    assert {len(random_bytes()) for _ in range(PIECES)} == {16}


def test_no_piece_is_given_out_twice() -> None:
    assert len({random_bytes() for _ in range(PIECES)}) == PIECES


def test_no_piece_is_given_to_two_threads() -> None:
    everybody_is_there = threading.Barrier(8)

    def take(_number: int) -> list[bytes]:
        everybody_is_there.wait(10.0)
        return [random_bytes() for _ in range(PIECES)]

    with ThreadPoolExecutor(8) as pool:
        taken = [piece for pieces in pool.map(take, range(8)) for piece in pieces]

    assert len(set(taken)) == 8 * PIECES


def test_a_forked_process_has_bytes_of_its_own(root: Path) -> None:
    run = subprocess.run([sys.executable, "-c", FORKED], cwd=root, capture_output=True, text=True, check=True)

    parent, child = run.stdout.split()
    assert (len(parent), len(child), parent == child) == (32, 32, False)
