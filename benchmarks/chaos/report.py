"""A run as a table for people, and its figures for machines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.chaos.checker import Verdict
from benchmarks.chaos.control import ControlResult
from benchmarks.chaos.faults import Done
from benchmarks.chaos.history import History
from benchmarks.chaos.recovery import Recovery, Span, percentile, summarize_recovery


@dataclass(frozen=True, slots=True)
class ChaosResult:
    """Everything that one run found."""

    seed: int
    broker: str
    seconds: float
    #: How partitions of the workers were made, and what could not be done.
    notes: Sequence[str]
    history: History
    faults: Sequence[Done]
    verdict: Verdict
    #: Fewer accepted jobs are a failure.
    wanted_jobs: int
    #: Jobs that were not final at the end, those without an answer to their client included.
    open_at_end: int
    drain_seconds: float
    control: ControlResult | None
    #: What a run of files found, by name.
    bulk: Mapping[str, int]
    #: Times at which this machine stood still, such as a virtual one that is moved; they count as outages.
    standstills: Sequence[Span] = ()

    @property
    def done(self) -> list[Done]:
        return [fault for fault in self.faults if fault.is_done]

    @property
    def spans(self) -> list[Span]:
        return [*(fault.span for fault in self.done), *self.standstills]

    @property
    def recovery(self) -> Recovery:
        return summarize_recovery(self.history.list_jobs(), self.spans)


#: Beginning of the failure of a run whose control lost nothing, and the exit status of such a run.
VOID = "VOID"
EXIT_VOID = 3


def find_failures(result: ChaosResult) -> list[str]:
    """Return why the run has failed or is void; none when every promise was kept and the faults were real."""
    verdict = result.verdict
    counts = {"lost": verdict.lost, "wrong": verdict.wrong, "changed": verdict.changed, "stuck": verdict.stuck}
    failures = [f"{len(ids)} jobs {name}, such as {ids[0]}" for name, ids in counts.items() if ids]
    if verdict.accepted < result.wanted_jobs:
        failures.append(
            f"only {verdict.accepted} of {result.wanted_jobs} jobs were accepted; raise --rate or --minutes"
        )
    if result.open_at_end:
        failures.append(f"{result.open_at_end} jobs still open in the store")
    failures += [
        f"{count} files {name}" for name, count in result.bulk.items() if count and name.startswith("bulk_bad")
    ]
    if result.control is not None and not result.control.all_lost:
        failures.append(f"{VOID}: the stock configuration lost nothing, so the faults prove nothing")
    return failures


def exit_status(failures: Sequence[str]) -> int:
    """Return 0 without failures, 3 when the run is only void, and 1 when a promise was broken."""
    if not failures:
        return 0
    return EXIT_VOID if all(failure.startswith(VOID) for failure in failures) else 1


def compute_figures(result: ChaosResult) -> dict[str, Any]:
    """Return the figures of the last line."""
    verdict, recovery = result.verdict, result.recovery
    outcomes = Counter(attempt.outcome for attempt in result.history.attempts)
    seconds = job_seconds(result.history)
    control = result.control
    return {
        "accepted": verdict.accepted,
        "faults": len(result.done),
        "fault_kinds": len({fault.kind.name for fault in result.done}),
        "lost": len(verdict.lost),
        "wrong": len(verdict.wrong),
        "changed": len(verdict.changed),
        "stuck": len(verdict.stuck) + result.open_at_end,
        "executed_twice": verdict.executed_twice,
        "recovery_p50_seconds": round(recovery.p50_seconds, 2),
        "recovery_p99_seconds": round(recovery.p99_seconds, 2),
        "recovery_max_seconds": round(recovery.max_seconds, 2),
        "delayed_jobs": recovery.delayed_jobs,
        "job_p50_seconds": round(percentile(seconds, 0.50), 3),
        "job_p99_seconds": round(percentile(seconds, 0.99), 2),
        "job_max_seconds": round(percentile(seconds, 1.0), 2),
        "rejected": outcomes["rejected"],
        "unknown": outcomes["unknown"],
        "drain_seconds": round(result.drain_seconds, 1),
        "control_lost": control and control.all_lost,
        "control_accepted": control and control.accepted,
        "control_faults": control and sum(fault.is_done for fault in control.faults),
        "control_failed": control and control.failed,
        **result.bulk,
        "standstill_seconds": round(sum(span.ended_at - span.began_at for span in result.standstills), 1),
        "broker": result.broker,
        "seed": result.seed,
        "seconds": round(result.seconds),
    }


def job_seconds(history: History) -> list[float]:
    """Return the seconds from acceptance to the end of every job that ended, by its record, in order."""
    answers = [first.answer for job in history.list_jobs() if (first := job.first_final) is not None]
    return sorted(
        answer.completed_at - answer.created_at
        for answer in answers
        if answer is not None and answer.completed_at is not None
    )


def render(result: ChaosResult) -> str:
    """Return the report for people."""
    verdict, recovery = result.verdict, result.recovery
    lines = [*result.notes, ""]
    lines += [_head("faults by kind", "done", "not done", "recovery max s")]
    for name, done, failed, slowest in _by_kind(result):
        lines.append(f"  {name:<26}{done:>16}{failed:>16}{slowest:>16.1f}")
    lines += ["", _head("how jobs ended", "jobs")]
    lines += [f"  {end:<26}{number:>16,}" for end, number in sorted(verdict.ends.items())]
    lines += ["", _head("what clients met", "times")]
    lines += [f"  {error:<36}{number:>6,}" for error, number in result.history.client_errors().items()]
    lines += ["", _describe_verdict(verdict, faults=len(result.done), open_at_end=result.open_at_end)]
    lines.append(
        f"recovery of {recovery.delayed_jobs:,} delayed jobs: p50 {recovery.p50_seconds:.2f} s, p99 "
        f"{recovery.p99_seconds:.2f} s, max {recovery.max_seconds:.2f} s; the load ended "
        f"{result.drain_seconds:.1f} s before the last of its jobs was read twice"
    )
    lines.append(_describe_control(result.control))
    for span in result.standstills:
        lines.append(f"THE MACHINE STOOD STILL for {span.ended_at - span.began_at:.1f} s; it counts as an outage")
    if result.bulk:
        lines.append("files: " + ", ".join(f"{name} {number:,}" for name, number in result.bulk.items()))
    lines += [f"FAILED: {failure}" for failure in find_failures(result)]
    return "\n".join(lines)


def _head(first: str, *others: str) -> str:
    return f"{first:<28}" + "".join(f"{name:>16}" for name in others)


def _by_kind(result: ChaosResult) -> list[tuple[str, int, int, float]]:
    """Return name, times done, times it could not be done, and the slowest recovery of a job that it touched."""
    rows = []
    jobs = result.history.list_jobs()
    for name in sorted({fault.kind.name for fault in result.faults}):
        of_kind = [fault for fault in result.faults if fault.kind.name == name]
        done = [fault.span for fault in of_kind if fault.is_done]
        slowest = summarize_recovery(jobs, result.spans, of=done).max_seconds
        rows.append((name, len(done), len(of_kind) - len(done), slowest))
    return rows


def _describe_verdict(verdict: Verdict, *, faults: int, open_at_end: int) -> str:
    counts = {"lost": verdict.lost, "wrong": verdict.wrong, "changed": verdict.changed, "stuck": verdict.stuck}
    broken = ", ".join(f"{len(ids)} {name}" for name, ids in counts.items())
    return (
        f"accepted {verdict.accepted:,} under {faults} faults: {broken}, {open_at_end} open at the end; "
        f"{verdict.executed_twice} executed more than once, which no client saw"
    )


def _describe_control(control: ControlResult | None) -> str:
    if control is None:
        return "no control was run, so this proves nothing about the faults"
    lost = ", ".join(f"{number} with {name} acknowledgement" for name, number in control.lost.items())
    faults = sum(fault.is_done for fault in control.faults)
    return (
        f"control, stock Celery: accepted {control.accepted:,} under {faults} faults: {control.all_lost} lost "
        f"({lost}), {control.failed} reported as failed, {control.wrong} wrong, {control.pending} pending, "
        f"{control.executed_twice} executed more than once, {control.send_errors} sends failed"
    )
