"""Accepted means answered, tried under faults: `python -m benchmarks.chaos`. The last line is one JSON object."""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chaos.evidence import keep
from benchmarks.chaos.plot import draw
from benchmarks.chaos.report import ChaosResult, compute_figures, exit_status, find_failures, render
from benchmarks.chaos.run import Plan, run_chaos
from benchmarks.chaos.soak import render_soak, run_soak, soak_figures
from benchmarks.command_line import count, run_in_folder
from benchmarks.online_plot import find_missing_library
from benchmarks.report import render_json
from benchmarks.wrk import WrkMissing

#: Mean seconds between two faults.
FAULT_SECONDS = 3.5


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    plan: Plan
    plot: Path
    #: Keep the log of the clients, the faults and the logs of all processes here.
    output: Path | None
    #: Load for so long without faults instead.
    soak_seconds: float | None


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every promise was kept and the control lost jobs, 3 when it lost none, 1 otherwise."""
    options = read_options(arguments)
    if options.soak_seconds is not None:
        return _soak(options.soak_seconds)
    missing = find_missing_library()
    if missing:
        _say(missing)
    failures: list[str] = []

    def measure(folder: Path) -> None:
        result = run_chaos(options.plan, folder, say=_say)
        if options.output is not None:
            keep(result, folder, options.output)
        failures.extend(find_failures(result))
        _report(result, options, can_draw=missing is None)

    status = run_in_folder(measure, prefix="rowcall-chaos-")
    return status or exit_status(failures)


def _soak(seconds: float) -> int:
    growing: list[str] = []

    def measure(folder: Path) -> None:
        result = run_soak(folder, seconds=seconds, say=_say)
        growing.extend(result.growing)
        _say("\n" + render_soak(result))
        _say(render_json(soak_figures(result)))

    try:
        status = run_in_folder(measure, prefix="rowcall-soak-")
    except WrkMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return status or int(bool(growing))


def read_options(arguments: Sequence[str]) -> Options:
    """Read the command line; ends the process when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--broker", choices=("redis", "sqs"), default="redis")
    parser.add_argument("--minutes", type=_minutes, default=3.0, help="of load and faults; the control comes before")
    parser.add_argument("--control-minutes", type=_minutes, default=1.0)
    parser.add_argument("--jobs", type=count, default=1, help="fewer accepted jobs are a failure")
    parser.add_argument("--faults", type=count, help=f"by default one each {FAULT_SECONDS:g} s")
    parser.add_argument("--rate", type=float, default=40.0, help="jobs per second")
    parser.add_argument("--seed", type=int, help="of a run to repeat; by default another each time")
    parser.add_argument("--bulk", type=int, default=0, metavar="N", help="score so many files under the faults")
    parser.add_argument("--soak", action="store_true", help="half the peak rate and no faults; needs wrk")
    parser.add_argument("--output", type=Path, help="folder for what clients saw, the faults, and all logs")
    parser.add_argument("--plot", type=Path, default=Path(tempfile.gettempdir()) / "rowcall-chaos.png")
    found = parser.parse_args(arguments)
    seconds = found.minutes * 60
    plan = Plan(
        broker=found.broker,
        seconds=seconds,
        control_seconds=found.control_minutes * 60,
        jobs=found.jobs,
        faults=found.faults or max(1, round(seconds / FAULT_SECONDS)),
        rate=found.rate,
        seed=random.SystemRandom().randrange(1_000_000) if found.seed is None else found.seed,
        files=found.bulk,
    )
    return Options(plan, found.plot, found.output, seconds if found.soak else None)


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.2 <= minutes <= 1_440:
        raise ValueError
    return minutes


def _report(result: ChaosResult, options: Options, *, can_draw: bool) -> None:
    """Print the report, where the picture is, and last the line of JSON."""
    _say("\n" + render(result))
    if can_draw:
        plot = options.plot.resolve()
        draw(result, plot, title=f"broker {result.broker}, seed {result.seed}, {options.plan.rate:g} jobs per second")
        _say(f"picture: {plot}")
    _say(render_json(compute_figures(result)))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
