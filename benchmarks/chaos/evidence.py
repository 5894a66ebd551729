"""What of a run is worth keeping, for whoever looks for a cause: the log of the clients, the faults, all logs."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.chaos.report import ChaosResult


def keep(result: ChaosResult, folder: Path, output: Path) -> None:
    """Write it into a folder, in place of what an earlier run left there under the same names.

    folder: where the run kept its state; the logs of every program lie in folders `logs` in it.
    """
    output.mkdir(parents=True, exist_ok=True)
    _write(output / "attempts.jsonl", (asdict(attempt) for attempt in result.history.attempts))
    _write(output / "jobs.jsonl", (asdict(job) for job in result.history.list_jobs()))
    _write(output / "faults.jsonl", (asdict(fault) for fault in sorted(result.faults, key=lambda one: one.began_at)))
    for logs in folder.glob("*/logs"):
        shutil.copytree(logs, output / logs.parent.name, dirs_exist_ok=True)


def _write(path: Path, documents: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w") as file:
        file.writelines(json.dumps(document) + "\n" for document in documents)
