"""Single predictions beside their alternatives: `python -m benchmarks.online`. The last line is one JSON object."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

import joblib

from benchmarks import slow_model
from benchmarks.command_line import count, run_in_folder
from benchmarks.online_measure import Point, measure_point, median_point, warm_up
from benchmarks.online_plot import draw, find_missing_library
from benchmarks.online_report import OnlineResult, compute_figures, render_tables
from benchmarks.online_service import running_service
from benchmarks.online_subjects import (
    OnlineBench,
    OnlineSubject,
    describe_gunicorn,
    running_control,
    running_in_process,
    running_naive_celery,
    running_peer,
)
from benchmarks.peers.environments import PEERS, find_version, install_peer
from benchmarks.published_model import publish_measured_model
from benchmarks.report import render_json
from benchmarks.wrk import WrkMissing, find_wrk

_MODELS = ("gender", slow_model.NAME)
#: Exit status without wrk, without which nothing can be measured.
_EXIT_MISSING = 2


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    workers: int
    api_processes: int
    peers: tuple[str, ...]
    model: str
    plot: Path


def main(arguments: Sequence[str]) -> int:
    """Return 0 when everything was measured and every answer was right."""
    options = read_options(arguments)
    try:
        find_wrk()
    except WrkMissing as error:
        sys.stderr.write(f"{error}\n")
        return _EXIT_MISSING
    _warn_of_missing_plot()
    return run_in_folder(lambda folder: _report(measure(options, folder), options), prefix="rowcall-online-")


def read_options(arguments: Sequence[str]) -> Options:
    """Read the command line; ends the process when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.online", description=__doc__)
    parser.add_argument("--rounds", type=count, default=3)
    parser.add_argument("--seconds", type=count, default=5, help="of load at each point")
    parser.add_argument("--connections", type=_counts, default=(1, 16, 64, 256), help="separated by commas")
    parser.add_argument("--workers", type=count, default=1)
    parser.add_argument("--api-processes", type=count, default=2)
    parser.add_argument("--peers", type=_peers, default=(), help=f"any of {','.join(PEERS)}: installs their newest")
    parser.add_argument("--model", choices=_MODELS, default=_MODELS[0])
    parser.add_argument("--plot", type=Path, default=Path(tempfile.gettempdir()) / "rowcall-online.png")
    found = parser.parse_args(arguments)
    return Options(**vars(found))


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({count(part) for part in text.split(",")}))


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if not set(names) <= PEERS.keys():
        raise ValueError
    return names


def _warn_of_missing_plot() -> bool:
    """Say that there will be no plot, if so, and return whether that was said."""
    missing = find_missing_library()
    if missing:
        sys.stderr.write(f"{missing}\n")
    return missing is not None


def measure(options: Options, folder: Path) -> OnlineResult:
    """Start all subjects, load each of them in every round, and return the medians; raises MeasurementFailed."""
    programs = {name: install_peer(name) for name in options.peers}
    bench = _make_bench(options.model, folder)
    limits: list[float] = []
    with _running_subjects(bench, options, programs) as subjects:
        runs: dict[str, dict[int, list[Point]]] = {subject.name: {} for subject in subjects}
        for subject in subjects:
            warm_up(subject)
        for number in range(1, options.rounds + 1):
            if options.model == slow_model.NAME:
                limits.append(slow_model.measure_limit(bench.estimator, options.seconds) * options.workers)
            for connections, subject in product(options.connections, subjects):
                # One after the other, so that a slow minute of the machine hits them all.
                point = measure_point(subject, connections=connections, seconds=options.seconds)
                runs[subject.name].setdefault(connections, []).append(point)
                _say(f"round {number}{connections:>6}  {subject.name:<20}{point.answers_per_second:>9,.0f} answers/s")
    return OnlineResult(
        points={name: {count: median_point(found) for count, found in of.items()} for name, of in runs.items()},
        peers=options.peers,
        model_limit=median(limits) if limits else None,
        notes={"control": describe_gunicorn()}
        | {name: f"version {find_version(folder, name)}" for name, folder in programs.items()},
    )


def _make_bench(model: str, folder: Path) -> OnlineBench:
    models_dir = folder / "models"
    if model == slow_model.NAME:
        artifact = slow_model.publish_slow_model(models_dir)
    else:
        artifact = publish_measured_model(model, models_dir)
    return OnlineBench(models_dir, artifact, model, joblib.load(artifact), folder)


@contextmanager
def _running_subjects(
    bench: OnlineBench, options: Options, programs: Mapping[str, Path]
) -> Iterator[list[OnlineSubject]]:
    """Run all of them for the time of the block; all but the one under load are idle."""
    with ExitStack() as running:
        subjects = [
            running.enter_context(running_control(bench)),
            running.enter_context(running_naive_celery(bench)),
            running.enter_context(running_in_process(bench, "granian")),
            running.enter_context(running_in_process(bench, "gunicorn")),
        ]
        subjects += [running.enter_context(running_peer(bench, PEERS[name], found)) for name, found in programs.items()]
        ours = running_service(
            bench,
            workers=options.workers,
            api_processes=options.api_processes,
            has_large_jobs=options.model == slow_model.NAME,
        )
        yield [*subjects, *running.enter_context(ours)]


def _report(result: OnlineResult, options: Options) -> None:
    """Print the tables, where the plot is, and last the line of JSON."""
    workers, api_processes = options.workers, options.api_processes
    _say("\n" + render_tables(result))
    _say(f"\nmodel {options.model}, medians of {options.rounds} rounds of {options.seconds} s")
    plot = options.plot.resolve()
    if not _warn_of_missing_plot():
        draw(result, plot, title=f"model {options.model}; workers: {workers}; API processes: {api_processes}")
        _say(f"plot: {plot}")
    _say(
        render_json(
            {
                **compute_figures(result),
                "model": options.model,
                "rounds": options.rounds,
                "seconds": options.seconds,
                "workers": workers,
                "api_processes": api_processes,
            }
        )
    )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
