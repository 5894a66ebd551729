"""What the steps do with a batch that has ended, and which files end one."""

from collections.abc import Callable

import pytest

from shared.batches import BatchError, BatchErrorCode, BatchSpec, BatchStatus
from shared.jobs import JobStatus, ModelRef
from tests.integration.batch_steps.conftest import Workplace, cancel, forget, people


def fail(place: Workplace, spec: BatchSpec) -> None:
    place.batches.end(spec.id, BatchStatus.FAILED, BatchError(BatchErrorCode.ABORTED_ON_ERROR, "a row failed"))


ENDINGS = [
    pytest.param(cancel, id="canceled"),
    pytest.param(fail, id="failed"),
    pytest.param(forget, id="unknown"),
]


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize("done", [pytest.param(0, id="split"), pytest.param(1, id="chunk")])
def test_a_step_of_a_batch_that_has_ended_writes_nothing(
    place: Workplace, end: Callable[[Workplace, BatchSpec], None], done: int
) -> None:
    spec = place.accept(people(20))
    place.run_steps(done)
    end(place, spec)

    message = place.step()

    job = place.jobs.find(message.job_id)
    assert job is not None
    assert job.status is JobStatus.SUCCEEDED
    assert (place.written(spec), place.estimator.calls, place.broker.sent) == ([], [], [])


@pytest.mark.parametrize("end", ENDINGS)
def test_a_chunk_that_is_done_too_late_leaves_no_files(
    place: Workplace, end: Callable[[Workplace, BatchSpec], None]
) -> None:
    spec = place.accept(people(20, r4=b"p4,,44,x"))
    place.estimator.meanwhile = [lambda: end(place, spec)]

    place.run()

    assert place.estimator.calls != []
    assert place.written(spec) == []


def test_the_parts_done_before_a_batch_was_canceled_can_be_read(place: Workplace) -> None:
    document = people(20)
    whole = place.score(document)
    spec = place.accept(document, chunk_bytes=50)
    place.step()
    place.step()
    cancel(place, spec)

    place.run()

    assert place.results(spec) != b""
    assert place.results(whole).startswith(place.results(spec))
    assert place.find(spec).status is BatchStatus.CANCELED


def test_a_model_version_that_is_gone_fails_the_batch(place: Workplace) -> None:
    spec = place.score(people(20), model=ModelRef("gender", "0", "0" * 64))

    batch = place.find(spec)
    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.FAILED, BatchErrorCode.MODEL_UNAVAILABLE)
    assert "gender/0" in batch.error.detail
    assert place.written(spec) == []


@pytest.mark.parametrize("mark", [pytest.param(b"", id="plain"), pytest.param(b"\xef\xbb\xbf\n", id="after a mark")])
def test_an_endless_record_fails_the_batch_with_its_place_in_the_file(place: Workplace, mark: bytes) -> None:
    document = mark + people(5)

    spec = place.score(document + b'"open,181,44,x\n' + b"a,181,44,x\n" * 100)

    batch = place.find(spec)
    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.FAILED, BatchErrorCode.RECORD_TOO_LONG)
    assert f"begins at byte {len(document)} has more than 500 bytes" in batch.error.detail
