"""The verdict on a history: which promises were broken, job by job. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.fates import ERROR_CODES, Fate
from benchmarks.chaos.history import Answer, JobHistory

#: What the model says directly about the row with a ticket.
Truth = Callable[[int], Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ids of the jobs for which the promise was broken, by what was broken."""

    accepted: int
    #: Accepted, and later the service knew nothing of it.
    lost: tuple[str, ...] = ()
    #: Final, with another answer than the model's own.
    wrong: tuple[str, ...] = ()
    #: Final, and later not the same.
    changed: tuple[str, ...] = ()
    #: Not final at the end, or its final answer could not be read twice.
    stuck: tuple[str, ...] = ()
    #: Jobs that the model saw more than once; no promise speaks against it.
    executed_twice: int = 0
    #: How jobs ended: status, or error code of a failure.
    ends: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.wrong or self.changed or self.stuck)


def judge(jobs: Iterable[JobHistory], truth: Truth, executions: Mapping[int, int]) -> Verdict:
    """Judge every accepted job.

    truth: ticket → output that a job without a fate must have. executions: ticket → how often the model saw it.
    """
    found: dict[str, list[str]] = {"lost": [], "wrong": [], "changed": [], "stuck": []}
    ends: Counter[str] = Counter()
    accepted = executed_twice = 0
    for job in jobs:
        accepted += 1
        for fault in find_faults(job, truth):
            found[fault].append(job.job_id)
        first = job.first_final
        if first is not None and first.answer is not None:
            ends[first.answer.error_code or first.answer.status] += 1
        # A row that kills its worker is tried several times on purpose.
        executed_twice += job.fate is Fate.NONE and executions.get(job.ticket, 0) > 1
    faults = {name: tuple(ids) for name, ids in found.items()}
    return Verdict(accepted, **faults, executed_twice=executed_twice, ends=dict(ends))


def find_faults(job: JobHistory, truth: Truth) -> list[str]:
    """Return what was broken for one job: any of lost, wrong, changed and stuck."""
    first = job.first_final
    last = job.readings[-1].answer if job.readings else None
    if job.readings and last is None:
        return ["lost"]
    if first is None or first.answer is None:
        return ["stuck"]
    faults = []
    if not is_right(first.answer, job, truth):
        faults.append("wrong")
    later = [reading.answer for reading in job.readings if reading.at > first.at]
    # A job that the service did not know, and later did, gave two answers as well.
    was_unknown = any(reading.answer is None for reading in job.readings) and not job.is_record_deleted
    if was_unknown or any(answer != first.answer for answer in later):
        faults.append("changed")
    if not job.is_read_twice:
        faults.append("stuck")
    return faults


def is_right(answer: Answer, job: JobHistory, truth: Truth) -> bool:
    """Say whether a final answer is the model's own, to the last bit; or, for a row with a fate, the right error."""
    if job.fate is not Fate.NONE:
        return (answer.status, answer.error_code) == ("failed", ERROR_CODES[job.fate])
    return answer.status == "succeeded" and answer.output == truth(job.ticket)
