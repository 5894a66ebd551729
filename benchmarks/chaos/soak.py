"""A stack at half its peak rate for long, without faults: does any process, the store or its connections grow?"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis

from benchmarks.chaos.growth import Trend, fit_trend
from benchmarks.http_answers import ask
from benchmarks.measure import PROC
from benchmarks.published_model import publish_measured_model
from benchmarks.service import free_port, process_names
from benchmarks.warm_process import Deadline, MeasurementFailed
from benchmarks.wrk import Load, LoadScript, find_wrk, put_under_load
from shared.settings import Settings
from standalone.stack import Stack, running_stack

#: Short, so that as many results leave the store as come in for most of the time.
RETENTION_SECONDS = 60
_CONNECTIONS = 64
_PEAK_SECONDS = 10.0
#: The load comes in pieces, so that a wrong answer ends the soak early.
_PIECE_SECONDS = 60.0
_SAMPLE_SECONDS = 5.0
#: Caches fill and results begin to expire first: this share of the samples is left out.
_WARM_UP_SHARE = 0.25
_RECORD = {"height": 181, "weight": 80, "shoe_size": 44}
_ANSWER_SECONDS = 30.0
_MEBIBYTE = 1 << 20
#: What the store holds in all follows the load of the last retention; it is shown, and its keys are judged.
_FOLLOWS_THE_LOAD = ("store data MB", "store-")


@dataclass(slots=True)
class Samples:
    """What was looked at, by name: megabytes of each process and of the store's data, its keys and connections."""

    seconds: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)

    def trends(self) -> dict[str, Trend]:
        """Return the trend of every figure that was there all the time."""
        first = int(len(self.seconds) * _WARM_UP_SHARE)
        complete = {name: found for name, found in self.values.items() if len(found) == len(self.seconds)}
        return {name: fit_trend(self.seconds[first:], found[first:]) for name, found in complete.items()}


@dataclass(frozen=True, slots=True)
class SoakResult:
    """One soak."""

    peak_per_second: float
    answers_per_second: float
    answers: int
    seconds: float
    trends: Mapping[str, Trend]

    @property
    def growing(self) -> list[str]:
        judged = {name: trend for name, trend in self.trends.items() if not name.startswith(_FOLLOWS_THE_LOAD)}
        return [name for name, trend in judged.items() if trend.grows]


def run_soak(folder: Path, *, seconds: float, say: Callable[[str], None]) -> SoakResult:
    """Find the peak rate, then load the stack with half of it; raises MeasurementFailed after any wrong answer."""
    find_wrk()
    publish_measured_model("gender", folder / "models")
    settings = Settings(
        port=free_port(),
        data_dir=folder / "stack",
        models_dir=folder / "models",
        retention_seconds=RETENTION_SECONDS,
        log_level="WARNING",
    )
    with running_stack(settings) as stack, Redis.from_url(stack.store_url) as store:
        url = f"{stack.url}/v1/predictions"
        body, output = _try_job(url)
        script = LoadScript.submit_and_poll(body, output=output)
        peak = put_under_load(url, script, connections=_CONNECTIONS, seconds=_PEAK_SECONDS)
        pause = _find_pause(peak)
        say(f"peak {peak.answers / peak.seconds:,.0f} jobs/s; each client now pauses {pause} ms before a request ...")
        script = LoadScript.submit_and_poll(body, output=output, pause_milliseconds=pause)
        samples = Samples()
        answers, loaded = _load(url, script, seconds, samples, lambda: take_sample(samples, stack, store))
    return SoakResult(peak.answers / peak.seconds, answers / loaded, answers, loaded, samples.trends())


def _try_job(url: str) -> tuple[str, str]:
    """Return the request of a job, and the part of its final document that holds the output."""
    body = json.dumps({"model": "gender", "input": _RECORD})
    _, headers, answer = ask(url, body)
    location = {name.lower(): value for name, value in headers.items()}["location"]
    deadline = Deadline(_ANSWER_SECONDS)
    while json.loads(answer)["completed_at"] is None:
        deadline.remaining_seconds()
        _, _, answer = ask(url.removesuffix("/v1/predictions") + location)
    document = answer.decode()
    start = document.index('"output":')
    return body, document[start : document.index(',"error":', start)]


def _find_pause(peak: Load) -> int:
    """Return the milliseconds before each request that halve the rate: a job then takes its client twice as long."""
    requests = 1 + peak.polls / peak.answers
    return max(1, round(1e3 * _CONNECTIONS * peak.seconds / peak.answers / requests))


def _load(
    url: str, script: LoadScript, seconds: float, samples: Samples, sample: Callable[[], None]
) -> tuple[int, float]:
    """Load for so long while samples are taken; return the answers and the seconds."""
    stopping = threading.Event()

    def watch() -> None:
        while not stopping.wait(_SAMPLE_SECONDS):
            sample()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    answers, loaded = 0, 0.0
    try:
        while loaded < seconds:
            piece = put_under_load(
                url, script, connections=_CONNECTIONS, seconds=min(_PIECE_SECONDS, max(1.0, seconds - loaded))
            )
            answers += piece.answers
            loaded += piece.seconds
    finally:
        stopping.set()
        thread.join()
    if len(samples.seconds) < 8:
        raise MeasurementFailed(f"{len(samples.seconds)} samples say nothing about growth; soak for longer")
    return answers, loaded


def take_sample(samples: Samples, stack: Stack, store: Redis) -> None:
    """Look at every process and at the store once."""
    found = {f"{name} {pid} MB": rss / _MEBIBYTE for name, pid, rss in _list_processes(stack)}
    memory, clients, keys = store.info("memory"), store.info("clients"), store.info("keyspace")["db0"]
    found["store data MB"] = memory["used_memory"] / _MEBIBYTE
    # Whatever the rate is: what is kept of a job does not grow, and nothing is kept for ever.
    found["store KB for each key"] = memory["used_memory"] / keys["keys"] / 1024
    found["store keys without an end"] = float(keys["keys"] - keys["expires"])
    found["store connections"] = float(clients["connected_clients"])
    samples.seconds.append(time.monotonic())
    for name, value in found.items():
        samples.values.setdefault(name, []).append(value)


def _list_processes(stack: Stack) -> list[tuple[str, int, int]]:
    """Return name, process id and resident bytes of every process of the stack, server processes of the API too."""
    names = process_names(stack)
    found = []
    for folder in PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            status = (folder / "status").read_text()
        except OSError:
            # It ended meanwhile.
            continue
        fields = dict(line.split(":", 1) for line in status.splitlines())
        pid = int(folder.name)
        name = names.get(pid) or names.get(int(fields["PPid"]))
        if name is not None and "VmRSS" in fields:
            found.append((name, pid, int(fields["VmRSS"].split()[0]) * 1024))
    return found


def render_soak(result: SoakResult) -> str:
    """Return the table for people."""
    head = f"{'what':<28}{'first':>10}{'last':>10}{'per hour':>12}{'noise':>10}"
    lines = [head, "-" * len(head)]
    for name, trend in sorted(result.trends.items()):
        lines.append(
            f"{name:<28}{trend.first:>10.1f}{trend.last:>10.1f}{trend.slope_per_hour:>+12.2f}"
            f"{trend.noise_per_hour:>10.2f}{'  GROWS' if trend.grows else ''}"
        )
    lines.append(
        f"\n{result.answers:,} jobs in {result.seconds:,.0f} s, {result.answers_per_second:,.0f} per second "
        f"({result.answers_per_second / result.peak_per_second:.0%} of the peak)"
    )
    return "\n".join(lines)


def soak_figures(result: SoakResult) -> dict[str, float | int | str]:
    """Return the figures of the last line."""
    trends = result.trends
    slopes = [trend.slope_per_hour for name, trend in trends.items() if name.endswith(" MB") and "store" not in name]
    return {
        "soak_seconds": round(result.seconds),
        "soak_answers": result.answers,
        "soak_peak_share": round(result.answers_per_second / result.peak_per_second, 3),
        "soak_steepest_rss_mb_per_hour": round(max(slopes), 2),
        "soak_store_mb_per_hour": round(trends["store data MB"].slope_per_hour, 2),
        "soak_store_mb": round(trends["store data MB"].last, 1),
        "soak_store_kb_for_each_key_first": round(trends["store KB for each key"].first, 3),
        "soak_store_kb_for_each_key_last": round(trends["store KB for each key"].last, 3),
        "soak_connections_first": round(trends["store connections"].first),
        "soak_connections_last": round(trends["store connections"].last),
        "soak_growing": ", ".join(result.growing),
    }
