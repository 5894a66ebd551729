"""Bulk scoring against its limits: `python -m benchmarks.bulk`. The last line of the output is one JSON object."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from benchmarks.command_line import count, run_in_folder, share
from benchmarks.flood import measure_flood
from benchmarks.long_text import measure_long_text
from benchmarks.measure import Measurement, Summary, summarize
from benchmarks.output_check import OutputCheck
from benchmarks.people_file import PeopleFile, copy_head, write_people_file
from benchmarks.published_model import MODELS, publish_measured_model
from benchmarks.report import compute_figures, render_json, render_table
from benchmarks.subjects import Bench, Subject
from benchmarks.warm_process import Deadline, MeasurementFailed

_SEED = 11
_SAMPLE_ROWS = 2_000
#: A measurement may take so long, and so long for each row: ten times what it takes on a slow machine.
_START_SECONDS = 120.0
_SECONDS_PER_ROW = {"gender": 5e-5, "forest": 3e-4}


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    rows: int
    model: str
    rounds: int
    bad_ratio: float
    naive_rows: int
    is_flood: bool
    is_long_text: bool


def main(arguments: Sequence[str]) -> int:
    """Return 0 when everything was measured and every output was right."""
    options = read_options(arguments)
    return run_in_folder(lambda folder: _measure_as_asked(options, folder), prefix="rowcall-bulk-")


def read_options(arguments: Sequence[str]) -> Options:
    """Read the command line; ends the process when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    parser.add_argument("--rows", type=count, default=1_000_000)
    parser.add_argument("--model", choices=MODELS, default="gender")
    parser.add_argument("--rounds", type=count, default=3)
    parser.add_argument("--bad", type=share, default=0.0, help="also measure a file with this share of bad rows")
    parser.add_argument("--naive-rows", type=count, default=200_000, help="rows for naive Celery, which is slow")
    parser.add_argument("--flood", action="store_true", help="measure only how a flood of files delays predictions")
    parser.add_argument("--long-text", action="store_true", help="measure only memory, with texts of 2 KB")
    found = parser.parse_args(arguments)
    return Options(found.rows, found.model, found.rounds, found.bad, found.naive_rows, found.flood, found.long_text)


def _measure_as_asked(options: Options, folder: Path) -> None:
    if options.is_flood:
        _measure_flood(options, folder)
    elif options.is_long_text:
        _measure_long_text(options, folder)
    else:
        _measure_bulk(options, folder)


def _measure_long_text(options: Options, folder: Path) -> None:
    models_dir = folder / "models"
    publish_measured_model(options.model, models_dir)
    figures = measure_long_text(folder, models_dir, model=options.model, rows=options.rows, seed=_SEED)
    _say("\n".join(f"{name:<28}{value:>10.3f}" for name, value in figures.items()))
    _say(render_json({**figures, "rows": options.rows, "model": options.model}))


def _measure_flood(options: Options, folder: Path) -> None:
    models_dir = folder / "models"
    publish_measured_model(options.model, models_dir)
    people = write_people_file(folder / "people.csv", options.rows, seed=_SEED)
    figures = measure_flood(people, folder, models_dir, model=options.model, rounds=options.rounds)
    _say("\n".join(f"{name:<22}{value:>10.4f}" for name, value in figures.items()))
    _say(render_json({**figures, "rows": options.rows, "model": options.model}))


def _measure_bulk(options: Options, folder: Path) -> None:
    models_dir = folder / "models"
    artifact = publish_measured_model(options.model, models_dir)
    sample = write_people_file(folder / "sample.csv", _SAMPLE_ROWS, seed=_SEED)
    bench = Bench(models_dir, artifact, options.model, sample.path)
    subjects = list_subjects(options, bench, folder)
    summaries = _measure_rounds(subjects, options, folder, joblib.load(artifact))
    notes = {
        "naive_celery": f"the first {min(options.naive_rows, options.rows):,} rows; rows/s holds for all of them",
        "predict": "predict_proba alone, rows in memory",
    }
    _say(render_table(summaries, notes))
    figures = compute_figures(summaries)
    _say(render_json({**figures, "rows": options.rows, "model": options.model, "bad_ratio": options.bad_ratio}))


def list_subjects(options: Options, bench: Bench, folder: Path) -> list[Subject]:
    """Write the files, and return what to measure, in order."""
    people = write_people_file(folder / "people.csv", options.rows, seed=_SEED)
    head = copy_head(people.path, folder / "head.csv", options.naive_rows)
    subjects = [
        Subject("limit_1", people, bench.append(people, 1)),
        Subject("limit_2", people, bench.append(people, 2)),
        Subject("pyarrow", people, bench.single(people, "rewrite"), is_verbatim=False),
        Subject("ours_1", people, bench.service(people, 1)),
        Subject("ours_2", people, bench.service(people, 2)),
        Subject("naive_celery", head, bench.naive_celery(head), is_verbatim=False),
        Subject("predict", people, bench.single(people, "predict"), has_output=False),
    ]
    if options.bad_ratio:
        bad = write_people_file(folder / "bad.csv", options.rows, seed=_SEED, bad_ratio=options.bad_ratio)
        subjects.insert(5, Subject("ours_2_bad", bad, bench.service(bad, 2)))
    return subjects


def _measure_rounds(subjects: Sequence[Subject], options: Options, folder: Path, estimator: Any) -> dict[str, Summary]:
    """Measure every subject once a round, one after the other, so that a slow minute hits them all."""
    checks: dict[PeopleFile, OutputCheck] = {}
    runs: dict[str, list[Measurement]] = {subject.name: [] for subject in subjects}
    for number in range(1, options.rounds + 1):
        for subject in subjects:
            people = subject.people
            if people not in checks:
                checks[people] = OutputCheck(people.path, people.rows, estimator)
            deadline = Deadline(_START_SECONDS + people.rows * _SECONDS_PER_ROW[options.model])
            measurement = _measure_once(subject, folder, deadline, checks[people])
            runs[subject.name].append(measurement)
            _say(f"round {number}  {subject.name:<14}{measurement.seconds:>9.2f} s")
    return {name: summarize(name, found) for name, found in runs.items()}


def _measure_once(subject: Subject, folder: Path, deadline: Deadline, check: OutputCheck) -> Measurement:
    with tempfile.TemporaryDirectory(dir=folder) as run_folder:
        target = Path(run_folder) / "results.csv"
        try:
            measurement = subject.score(target, deadline)
            if subject.has_output:
                check.require_right(target, is_verbatim=subject.is_verbatim)
        except MeasurementFailed as error:
            raise MeasurementFailed(f"{subject.name}: {error}") from error
        return measurement


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
