"""Entry of `python -m benchmarks.scaling`. The last line is JSON."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.scaling.report import draw, simulate, table
from benchmarks.scaling.scenarios import LOADS, services


def main(arguments: Sequence[str]) -> int:
    """Print the table, write the picture, and return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--plot", type=Path, help="where to write a PNG")
    options = parser.parse_args(arguments)
    lines = simulate(services(), LOADS)
    sys.stdout.write(table(lines) + "\n")
    if options.plot:
        draw(lines, options.plot)
    sys.stdout.write(json.dumps([line.figures() for line in lines]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
