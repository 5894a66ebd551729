"""What interrupts the steps of a batch costs no row: a death, a second delivery, a disk that is away."""

import pytest

from shared.batch_jobs import chunk_job, split_job
from shared.batches import BatchStatus, Chunk
from tests.integration.batch_steps.conftest import Died, Workplace, deliver_again, die_at_once, people


def test_every_step_may_be_delivered_twice(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    once = place.score(document, chunk_bytes=60)
    spec = place.accept(document, chunk_bytes=60)

    place.run(deliveries=2)

    assert (place.results(spec), place.written(spec)) == (place.results(once), place.written(once))
    assert place.find(spec).rows_done == 20


def test_a_step_that_is_done_is_not_done_again(place: Workplace) -> None:
    place.accept(people(5))
    place.step()
    chunk = place.step()
    calls = list(place.estimator.calls)

    place.worker.run(chunk)

    assert place.estimator.calls == calls


def test_a_chunk_whose_worker_died_is_scored_once_by_the_next(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document, chunk_bytes=100)
    place.estimator.meanwhile = [die_at_once, die_at_once]

    spec = place.score(document, chunk_bytes=100)

    assert place.deaths == 2
    assert (place.results(spec), place.errors(spec)) == (place.results(undisturbed), place.errors(undisturbed))
    assert place.written(spec) == place.written(undisturbed)
    assert (place.find(spec).rows_done, place.find(spec).errors_by_code) == (20, {"missing_value": 1})


def test_a_chunk_recorded_by_a_worker_that_died_before_it_could_say_so_is_counted_once(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document, chunk_bytes=100)
    spec = place.accept(document, chunk_bytes=100)
    place.jobs.deaths_at_finish = 3

    place.run()

    assert place.deaths == 3
    assert (place.results(spec), place.written(spec)) == (place.results(undisturbed), place.written(undisturbed))
    assert (place.find(spec).rows_done, place.find(spec).rows_failed) == (20, 1)


def test_of_two_attempts_at_the_same_time_one_counts_and_the_files_of_the_other_are_deleted(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document)
    spec = place.accept(document)
    place.estimator.meanwhile = [lambda: deliver_again(place, chunk_job(spec, 0))]

    place.run()

    assert place.estimator.meanwhile == []
    assert (place.results(spec), place.errors(spec)) == (place.results(undisturbed), place.errors(undisturbed))
    assert place.written(spec) == ["00000000/errors.csv", "00000000/results.csv"]
    assert place.find(spec).rows_done == 20


def test_a_file_is_split_alike_by_two_attempts_at_the_same_time(place: Workplace) -> None:
    document = people(60)
    undisturbed = place.score(document, chunk_bytes=40)
    spec = place.accept(document, chunk_bytes=40)
    place.step()
    place.broker.sent.insert(0, [split_job(spec)])

    place.run()

    assert place.results(spec) == place.results(undisturbed)
    assert place.find(spec).chunks_total == place.find(undisturbed).chunks_total


def test_a_disk_that_is_away_costs_attempts_and_no_rows(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document, chunk_bytes=100)
    spec = place.accept(document, chunk_bytes=100)
    place.files.failures = 3

    place.run()

    assert place.results(spec) == place.results(undisturbed)
    assert place.errors(spec) == place.errors(undisturbed)


def test_chunks_that_cannot_be_sent_are_left_to_the_sweeper_and_all_rows_come_back(place: Workplace) -> None:
    document = people(60)
    undisturbed = place.score(document, chunk_bytes=40)
    spec = place.accept(document, chunk_bytes=40)
    place.broker.is_down = True
    place.step()
    place.broker.is_down = False
    before = place.find(spec)

    place.sweep()
    place.run()

    assert (before.status, before.rows_total, before.rows_done) == (BatchStatus.RUNNING, 60, 0)
    assert place.find(spec).status is BatchStatus.COMPLETED
    assert place.results(spec) == place.results(undisturbed)


def chunks(place: Workplace, batch_id: str) -> list[Chunk]:
    return place.batches.chunks(batch_id, range(place.batches.count_chunks(batch_id)))


@pytest.mark.parametrize(("groups", "noted"), [(0, 1), (1, 9), (2, 17)])
def test_a_split_whose_worker_died_goes_on_where_it_stood(place: Workplace, groups: int, noted: int) -> None:
    document = people(90)
    undisturbed = place.score(document, chunk_bytes=40)
    spec = place.accept(document, chunk_bytes=40)
    place.jobs.accepts_before_death = groups
    with pytest.raises(Died):
        place.step()
    before = chunks(place, spec.id)
    place.files.reads.clear()

    place.sweep()
    place.run()

    assert len(before) == noted
    assert [start for key, start, stop in place.files.reads if stop is None] == [before[-1].stop]
    assert chunks(place, spec.id) == chunks(place, undisturbed.id)
    assert place.results(spec) == place.results(undisturbed)
