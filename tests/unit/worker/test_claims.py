import pytest

from shared.job_store import Verdict
from shared.jobs import Job, JobStatus
from shared.queues import Lane
from shared.settings import Settings
from shared.sqs_messages import Origin
from tests.builders import job_spec, success
from tests.fakes import FakeJobStore
from worker.claims import claim, finish

RETENTION = 3_600
#: By the fake's clock.
NOW = 1_700_000_000.0


@pytest.fixture
def jobs() -> FakeJobStore:
    return FakeJobStore(Settings(retention_seconds=RETENTION))


def find(jobs: FakeJobStore, job_id: str = "prd_a") -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job


def origin(*job_ids: str, sent_at: float = NOW) -> Origin:
    return Origin(sent_at, [job_spec(job_id) for job_id in job_ids])


def test_a_lost_record_is_written_again_and_claimed(jobs: FakeJobStore) -> None:
    assert claim(jobs, ["prd_a"], "t1", origin("prd_a")) == [Verdict.CLAIMED]
    assert (find(jobs).spec, find(jobs).created_at, find(jobs).attempt) == (job_spec(), NOW, 1)


def test_only_the_lost_ones_of_a_message_are_written_again(jobs: FakeJobStore) -> None:
    jobs.accept([job_spec("prd_a"), job_spec("prd_b")])
    jobs.cancel("prd_b")

    verdicts = claim(jobs, ["prd_a", "prd_b", "prd_c"], "t1", origin("prd_a", "prd_b", "prd_c"))

    assert verdicts == [Verdict.CLAIMED, Verdict.FINAL, Verdict.CLAIMED]
    assert find(jobs, "prd_a").attempt == 1
    assert find(jobs, "prd_b").status is JobStatus.CANCELED


def test_a_message_on_redis_writes_no_record(jobs: FakeJobStore) -> None:
    assert claim(jobs, ["prd_a"], "t1", None) == [Verdict.UNKNOWN]
    assert jobs.find("prd_a") is None


def test_a_job_whose_rows_are_not_in_the_message_is_not_written_again(jobs: FakeJobStore) -> None:
    assert claim(jobs, ["prd_a"], "t1", origin()) == [Verdict.UNKNOWN]
    assert jobs.find("prd_a") is None


def test_a_late_copy_of_a_message_does_not_wake_a_job_past_its_retention(jobs: FakeJobStore) -> None:
    late = origin("prd_a", sent_at=NOW - RETENTION)

    assert claim(jobs, ["prd_a"], "t1", late) == [Verdict.UNKNOWN]
    assert jobs.find("prd_a") is None


def test_an_answer_is_recorded_though_its_record_was_lost_meanwhile(jobs: FakeJobStore) -> None:
    recorded = finish(jobs, Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.1, origin=origin("prd_a"))

    assert recorded == [True]
    assert find(jobs).outcome == success()


def test_an_answer_of_a_late_worker_changes_nothing(jobs: FakeJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t2")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success(label="female")}, "t2", busy_seconds=0.1)

    recorded = finish(jobs, Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.1, origin=origin("prd_a"))

    assert recorded == [False]
    assert find(jobs).outcome == success(label="female")
