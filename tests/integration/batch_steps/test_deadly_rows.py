"""A row at which workers die fails alone, and its neighbors come back."""

import pytest
from redis import Redis

from shared.batch_jobs import STEP_ATTEMPTS
from shared.batches import BatchErrorCode, BatchSpec, BatchStatus
from shared.quarantine import RedisQuarantine
from tests.integration.batch_steps.conftest import Workplace, die_at_once, failed_rows, people


def dead_rows(errors: bytes) -> list[tuple[bytes, bytes]]:
    """Return the name and the number of each row at which workers died."""
    cells = [line.split(b",") for line in errors.splitlines()]
    return [(one[0], one[4]) for one in cells if one[5] == b"worker_died"]


@pytest.mark.parametrize(
    ("rows", "deadly"),
    [
        pytest.param(1, (1,), id="the only row"),
        pytest.param(40, (1,), id="the first"),
        pytest.param(40, (40,), id="the last"),
        pytest.param(600, (123,), id="one of many"),
        pytest.param(300, (7, 8, 250), id="several"),
    ],
)
def test_a_row_at_which_workers_die_fails_alone(place: Workplace, rows: int, deadly: tuple[int, ...]) -> None:
    document = people(rows, **{f"r{row}": b"dead%d,200,44,x" % row for row in deadly})

    spec = place.score(document)

    batch = place.find(spec)
    assert (batch.status, batch.rows_done, batch.rows_failed) == (BatchStatus.COMPLETED, rows, len(deadly))
    assert dead_rows(place.errors(spec)) == [(b"dead%d" % row, b"%d" % row) for row in deadly]
    assert place.deaths < STEP_ATTEMPTS


def test_the_neighbors_of_a_deadly_row_come_back_as_if_it_were_not_there(place: Workplace) -> None:
    undisturbed = place.score(people(40, r8=b"p8,,44,x", r12=b"p12,,44,x"), chunk_bytes=200)

    spec = place.score(people(40, r8=b"p8,,44,x", r12=b"p12,200,44,x"), chunk_bytes=200)

    found, expected = place.results(spec).splitlines(), place.results(undisturbed).splitlines()
    assert found[:11] + found[12:] == expected[:11] + expected[12:]
    assert failed_rows(place.errors(spec)) == [(8, "missing_value"), (12, "worker_died")]


def test_deadly_rows_of_several_chunks_are_all_found(place: Workplace) -> None:
    document = people(60, r2=b"p2,200,44,x", r31=b"p31,200,44,x", r59=b"p59,200,44,x")

    spec = place.score(document, chunk_bytes=150)

    assert failed_rows(place.errors(spec)) == [(2, "worker_died"), (31, "worker_died"), (59, "worker_died")]


def test_workers_that_die_of_something_else_cost_no_row(place: Workplace) -> None:
    document = people(40)
    undisturbed = place.score(document)
    place.estimator.meanwhile = [die_at_once] * 3

    spec = place.score(document)

    assert place.deaths == 3
    assert place.results(spec) == place.results(undisturbed)


def test_a_chunk_at_which_every_worker_dies_fails_its_batch(place: Workplace) -> None:
    place.estimator.meanwhile = [die_at_once] * 100

    spec = place.score(people(3_000))

    batch = place.find(spec)
    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.FAILED, BatchErrorCode.WORKER_DIED)
    assert place.deaths == STEP_ATTEMPTS


def redrive(redis: Redis, place: Workplace, spec: BatchSpec) -> None:
    """Let the batch go on for which a chunk was set aside."""
    quarantine = RedisQuarantine(redis, place.settings)
    (aside,) = quarantine.page().jobs
    _verdict, steps = quarantine.resume(aside, place.find(spec))
    for step in steps:
        place.send(step)
    place.run()


def test_a_redriven_chunk_begins_as_if_no_worker_had_ever_died_at_its_rows(place: Workplace, redis: Redis) -> None:
    document = people(40)
    undisturbed = place.score(document)
    place.estimator.meanwhile = [die_at_once] * STEP_ATTEMPTS
    spec = place.score(document)
    place.estimator.meanwhile = [die_at_once]

    redrive(redis, place, spec)

    assert place.deaths == STEP_ATTEMPTS + 1
    assert place.results(spec) == place.results(undisturbed)
