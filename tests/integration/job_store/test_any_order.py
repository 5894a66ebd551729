"""Whatever is asked for in whatever order, both stores say the same, and the promise holds in both."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from shared.job_store import JobStore
from shared.jobs import RETRYABLE, Job, Once
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import failure, job_spec, success
from tests.fakes import FakeJobStore
from tests.integration.job_store.conftest import EMPTY_QUEUES
from tests.timed_stores import TimedRedisJobStore

IDS = ("prd_a", "prd_b")
#: Each job differs in how long it is kept; both share an idempotency key.
SPECS = {
    "prd_a": job_spec("prd_a", owner="ada", once=Once("k1", "d1"), max_attempts=2, deadline_seconds=60.0),
    "prd_b": job_spec("prd_b", owner="ada", once=Once("k1", "d1"), max_attempts=2, retain_seconds=0),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens to a store."""

    what: str
    job_id: str
    token: str = ""

    def do(self, jobs: JobStore) -> Any:  # noqa: PLR0911  # A table of what there is.
        """Do it; returns what is to be equal in both stores."""
        spec = SPECS[self.job_id]
        match self.what:
            case "accept":
                return [one.earlier for one in jobs.accept([spec])]
            case "claim":
                return jobs.claim([self.job_id], self.token)
            case "succeed" | "fail":
                outcome = success() if self.what == "succeed" else failure()
                jobs.finish(Lane.INTERACTIVE, {self.job_id: outcome}, self.token, busy_seconds=0.1)
            case "release":
                return [one.spec.id for one in jobs.release([self.job_id], self.token).jobs]
            case "cancel":
                return jobs.cancel(self.job_id)
            case "delete":
                return jobs.delete(self.job_id)
            case "retry":
                return jobs.retry(spec, self.token)[0]
            case "wait":
                jobs.let_time_pass(11.0)  # type: ignore[attr-defined]  # Both have it.
            case _:
                sweep = jobs.sweep(EMPTY_QUEUES)
                return sorted(one.spec.id for one in sweep.resend), sweep.expired, sweep.quarantined
        return None


STEPS = st.builds(
    Step,
    what=st.sampled_from(
        ["accept", "claim", "claim", "succeed", "fail", "release", "cancel", "delete", "retry", "wait", "sweep"]
    ),
    job_id=st.sampled_from(IDS),
    token=st.sampled_from(["t1", "t2"]),
)


def seen(job: Job | None) -> Any:
    """Return what clients see of a job, without its times and its place in line."""
    if job is None:
        return None
    return (job.status, job.attempt, job.retries, job.cancel_requested, job.outcome, bool(job.spec.rows))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=25))
def test_both_stores_say_the_same_and_keep_the_promise(redis: Redis, settings: Settings, steps: list[Step]) -> None:
    prefix = f"{settings.key_prefix}-any"
    for key in redis.scan_iter(f"{{{prefix}}}*"):
        redis.delete(key)
    own = settings.model_copy(update={"key_prefix": prefix})
    real, fake = TimedRedisJobStore(redis, own), FakeJobStore(own)
    before: dict[str, Job | None] = dict.fromkeys(IDS)
    deleted: set[str] = set()

    for step in [Step("accept", "prd_a"), *steps]:
        assert step.do(real) == step.do(fake)
        for job_id in IDS:
            found = real.find(job_id)
            assert seen(found) == seen(fake.find(job_id))
            assert job_id not in deleted or found is None
            assert keeps_its_end(before[job_id], found, step)
            before[job_id] = found
        deleted |= {step.job_id} if step.what == "delete" and real.delete(step.job_id) != "unknown" else set()


def keeps_its_end(before: Job | None, after: Job | None, step: Step) -> bool:
    """Say whether a final answer is as it was, gone, or taken back by its client."""
    if before is None or after is None or not before.status.is_final:
        return True
    if step.what == "retry" and step.job_id == before.id and after.retries == before.retries + 1:
        return before.status in RETRYABLE
    return replace(after.spec, rows=[]) == replace(before.spec, rows=[]) and after.outcome == before.outcome
