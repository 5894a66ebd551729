from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import FieldNote
from shared.job_records import (
    JobEnd,
    decode_ends,
    decode_job,
    decode_spec,
    encode_outcome,
    encode_spec,
    queue_state,
    seconds_per_job,
)
from shared.jobs import Job, JobError, JobSpec, JobStatus, ModelRef, Outcome, QueueState
from shared.queues import Lane
from tests.builders import failure, job_spec, success

FINITE = st.floats(allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(2**53), 2**53)
NOTES = st.lists(st.builds(FieldNote, st.text(), st.text(), st.text()), max_size=3).map(tuple)
SPECS = st.builds(
    JobSpec,
    id=st.text(),
    lane=st.sampled_from(Lane),
    model=st.builds(ModelRef, st.text(), st.text(), st.text()),
    rows=st.lists(st.lists(FINITE | WHOLE | st.text(), max_size=4), max_size=4),
    is_single=st.booleans(),
    warnings=NOTES,
    deadline_seconds=st.floats(0, 1e9),
    reply_to=st.text(),
    webhook_url=st.text(),
    owner=st.text(),
)
PREDICTIONS = st.lists(
    st.fixed_dictionaries(
        {"prediction": st.text() | FINITE}, optional={"probabilities": st.dictionaries(st.text(), FINITE, max_size=3)}
    ),
    max_size=4,
)
OUTCOMES = st.builds(
    Outcome,
    status=st.sampled_from([status for status in JobStatus if status.is_final]),
    predictions=st.none() | PREDICTIONS,
    error=st.none() | st.builds(JobError, st.text(), st.text(), NOTES),
    batch_rows=st.integers(0, 10_000),
    predict_seconds=FINITE,
)


def record(**fields: str | bytes) -> dict[bytes, bytes]:
    """The fields of a queued job as the store returns them, with others added."""
    queued: dict[str, str | bytes] = {
        "spec": encode_spec(job_spec()),
        "lane": "interactive",
        "status": "queued",
        "attempt": "0",
        "created": "1700000000.250000",
        "deadline": "1700086400.250000",
        "reply_to": "",
    }
    return {name.encode(): text.encode() if isinstance(text, str) else text for name, text in (queued | fields).items()}


@settings(deadline=None)
@given(SPECS)
def test_a_spec_is_read_back_as_it_was_written(spec: JobSpec) -> None:
    assert decode_spec(encode_spec(spec)) == spec


def test_the_record_of_a_job_without_an_owner_does_not_mention_one() -> None:
    assert "owner" not in orjson.loads(encode_spec(job_spec()))


@settings(deadline=None)
@given(OUTCOMES)
def test_an_outcome_is_read_back_as_it_was_written(outcome: Outcome) -> None:
    job = decode_job(record(status=outcome.status.value, outcome=encode_outcome(outcome)), None)

    assert (job.status, job.outcome) == (outcome.status, outcome)


def test_a_queued_record_is_a_job_with_its_place_in_the_queue() -> None:
    place = QueueState(position=3, eta_seconds=1.5)

    job = decode_job(record(), place)

    assert job == Job(job_spec(), JobStatus.QUEUED, 0, 1_700_000_000.25, queue=place)


def test_a_running_record_says_when_it_started_and_has_no_place_in_the_queue() -> None:
    running = record(status="running", attempt="2", started="1700000001.500000", token="t1")

    job = decode_job(running, QueueState(0, None))

    assert (job.status, job.attempt, job.started_at, job.queue) == (JobStatus.RUNNING, 2, 1_700_000_001.5, None)


def test_a_final_record_says_when_it_ended_and_when_it_goes() -> None:
    final = record(
        status="succeeded",
        outcome=encode_outcome(success()),
        completed="1700000002.000000",
        expires="1700086402.000000",
    )

    job = decode_job(final, None)

    assert (job.completed_at, job.expires_at, job.outcome) == (1_700_000_002.0, 1_700_086_402.0, success())


def test_a_failed_record_has_its_error() -> None:
    job = decode_job(record(status="failed", outcome=encode_outcome(failure("no luck"))), None)

    assert job.outcome == failure("no luck")


@pytest.mark.parametrize(
    ("fields", "is_requested"), [({}, False), ({"cancel": "1"}, True)], ids=["not asked for", "asked for"]
)
def test_a_record_says_whether_its_cancellation_was_asked_for(fields: dict[str, str], is_requested: bool) -> None:
    assert decode_job(record(status="running", **fields), None).cancel_requested is is_requested


def told(job_id: str, outcome: Outcome | None, *, started: float | None = 1_700_000_001.5, cancel: bool = False) -> Any:
    """What a script of the store tells of one job."""
    status = outcome.status if outcome else "succeeded"
    written = orjson.loads(encode_outcome(outcome)) if outcome else None
    return [job_id, status, 2, 1_700_000_000.25, started, 1_700_000_002.0, 1_700_086_402.0, cancel, written]


def read_end(*facts: Any, **more: Any) -> JobEnd:
    end = decode_ends(orjson.dumps([told("prd_a", *facts, **more)]))["prd_a"]
    assert end is not None
    return end


@settings(deadline=None)
@given(OUTCOMES)
def test_an_end_is_read_as_it_was_told(outcome: Outcome) -> None:
    assert read_end(outcome) == JobEnd(
        id="prd_a",
        status=outcome.status,
        attempt=2,
        created_at=1_700_000_000.25,
        started_at=1_700_000_001.5,
        completed_at=1_700_000_002.0,
        expires_at=1_700_086_402.0,
        cancel_requested=False,
        outcome=outcome,
    )


def test_the_end_of_a_job_that_never_ran_has_no_start() -> None:
    end = read_end(failure(), started=None, cancel=True)

    assert (end.started_at, end.cancel_requested) == (None, True)


def test_ends_are_told_together_some_without_an_outcome_too_large_to_be_told() -> None:
    ends = decode_ends(orjson.dumps([told("prd_a", None), told("prd_b", success())]))

    assert {job_id: end and end.outcome for job_id, end in ends.items()} == {"prd_a": None, "prd_b": success()}


def test_an_end_makes_the_same_job_as_its_record() -> None:
    final = record(
        status="succeeded",
        attempt="2",
        started="1700000001.500000",
        outcome=encode_outcome(success()),
        completed="1700000002.000000",
        expires="1700086402.000000",
    )

    assert read_end(success()).job(job_spec()) == decode_job(final, None)


@pytest.mark.parametrize(
    ("position", "workers", "busy", "jobs", "eta_seconds"),
    [
        pytest.param(0, 1, b"2.0", b"4", 0.5, id="next job of one worker"),
        pytest.param(3, 1, b"2.0", b"4", 2.0, id="three jobs ahead"),
        pytest.param(3, 2, b"2.0", b"4", 1.0, id="two workers halve it"),
        pytest.param(0, 1, b"1", b"3", 0.333, id="rounded to milliseconds"),
        pytest.param(3, 0, b"2.0", b"4", None, id="no worker alive"),
        pytest.param(3, 1, b"", b"", None, id="no worker has shown its speed"),
        pytest.param(3, 1, b"0.000000", b"0.000000", None, id="the speed is forgotten"),
    ],
)
def test_the_expected_time_follows_from_position_workers_and_their_speed(
    position: int, workers: int, busy: bytes, jobs: bytes, eta_seconds: float | None
) -> None:
    assert queue_state(position, seconds_per_job(workers, busy, jobs)) == QueueState(position, eta_seconds)
