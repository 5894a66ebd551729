"""Does memory depend on the size of a file: peaks of each process for a file of long quoted texts and a tenth of it."""

from pathlib import Path

from benchmarks.measure import CLIENT, Measurement
from benchmarks.people_file import LONG_NOTES, write_people_file
from benchmarks.service import score_over_http
from benchmarks.warm_process import Deadline

BULK_WORKERS = 2
_SMALL_SHARE = 10
_START_SECONDS = 120.0
_SECONDS_PER_ROW = 2e-3
_MEBIBYTE = 1 << 20


def measure_long_text(folder: Path, models_dir: Path, *, model: str, rows: int, seed: int) -> dict[str, float]:
    """Return the peak RSS in MiB of each process for both files, and the largest ratio of the two."""
    peaks = [_measure(folder, models_dir, model, count, seed) for count in (max(1, rows // _SMALL_SHARE), rows)]
    figures = {
        f"{name}_{size}_mb": round(mb, 1)
        for size, peak in zip(("small", "large"), peaks, strict=True)
        for name, mb in peak.items()
    }
    small, large = peaks
    return figures | {
        "peak_rss_mb": round(max(large.values()), 1),
        "rss_ratio": round(max(large[name] / small[name] for name in small), 3),
    }


def _measure(folder: Path, models_dir: Path, model: str, rows: int, seed: int) -> dict[str, float]:
    source = folder / f"long-{rows}.csv"
    people = write_people_file(source, rows, seed=seed, notes=LONG_NOTES)
    target = folder / f"long-{rows}-results.csv"
    deadline = Deadline(_START_SECONDS + rows * _SECONDS_PER_ROW)
    measurement = score_over_http(
        people, target, models_dir=models_dir, model=model, bulk_workers=BULK_WORKERS, deadline=deadline
    )
    source.unlink()
    target.unlink()
    return _peaks(measurement)


def _peaks(measurement: Measurement) -> dict[str, float]:
    """Return the largest peak of the processes of each name, without the benchmark itself."""
    peaks: dict[str, float] = {}
    for use in measurement.processes:
        if use.name != CLIENT:
            peaks[use.name] = max(peaks.get(use.name, 0.0), use.peak_rss_bytes / _MEBIBYTE)
    return peaks
