"""What interrupts a mend: it is merged once, or the batch stays as it was."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from shared.batch_jobs import mend_job
from shared.batches import BatchSpec, BatchStatus
from tests.builders import manifest
from tests.integration.batch_steps.conftest import Died, Workplace, cancel, deliver_again, die_at_once, forget, people
from tests.integration.batch_steps.mend.conftest import accept_mend, broken, good, mended_file, state
from worker.batch_mend import Mender
from worker.csv_scoring import BlockScorer
from worker.lease_keeper import LeaseKeeper
from worker.predictor import Predictor


def test_a_mend_that_is_delivered_twice_is_done_once(place: Workplace) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}), chunk_bytes=200)
    accept_mend(place, spec, mended_file(good(5, 30)))

    place.run(deliveries=2)

    assert state(place, spec) == state(place, clean)
    assert place.written(spec) == place.written(clean)


def let_pass() -> None:
    """Disturb nothing."""


def merge_until_death(place: Workplace, spec: BatchSpec) -> None:
    """Do what a worker does that lost its lease, goes on, and dies."""
    leases = LeaseKeeper(place.jobs, place.settings)
    scorer = BlockScorer(Predictor(place.model, place.estimator), spec.layout)
    with suppress(Died):
        Mender(place.batches, place.files, leases, max_record_bytes=500).run(spec, 1, scorer)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_mend_that_was_interrupted_between_two_chunks_is_taken_up_again(place: Workplace, calls: int) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 25: "not_a_number", 40: "out_of_range"}), chunk_bytes=200)
    accept_mend(place, spec, mended_file(good(5, 25, 40)))
    place.estimator.meanwhile = [die_at_once, *[let_pass] * calls]

    place.run()

    assert place.deaths == 1
    assert state(place, spec) == state(place, clean)
    assert place.written(spec) == place.written(clean)


@pytest.mark.parametrize("files", [0, 1, 2, 3])
def test_a_disk_that_is_away_during_a_mend_costs_an_attempt(place: Workplace, files: int) -> None:
    expected = place.score(broken(40, {5: "out_of_range", 40: "out_of_range"}), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 25: "not_a_number", 40: "missing_value"}), chunk_bytes=200)
    still_bad = {row: [f"p{row}", "1.81", "44", "x"] for row in (5, 40)}
    accept_mend(place, spec, mended_file({**still_bad, **good(25)}))
    place.files.failures = files

    place.run()

    assert place.deaths == files
    assert state(place, spec) == state(place, expected)


def test_a_mend_whose_worker_died_before_it_could_say_so_is_not_done_again(place: Workplace) -> None:
    clean = place.score(people(20))
    spec = place.score(broken(20, {5: "missing_value"}))
    accept_mend(place, spec, mended_file(good(5)))
    place.jobs.deaths_at_finish = 1

    place.run()

    assert place.deaths == 1
    assert state(place, spec) == state(place, clean)


@pytest.mark.parametrize("chunk_bytes", [pytest.param(200, id="many chunks"), pytest.param(10_000, id="one chunk")])
def test_two_attempts_at_a_mend_at_the_same_time_merge_it_once(place: Workplace, chunk_bytes: int) -> None:
    clean = place.score(people(40), chunk_bytes=chunk_bytes)
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}), chunk_bytes=chunk_bytes)
    accept_mend(place, spec, mended_file(good(5, 30)))
    place.estimator.meanwhile = [lambda: deliver_again(place, mend_job(spec, 1))]

    place.run()

    assert place.estimator.meanwhile == []
    assert state(place, spec) == state(place, clean)
    assert place.written(spec) == place.written(clean)


def test_an_attempt_that_is_overtaken_by_one_that_dies_still_ends_the_mend(place: Workplace) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 25: "not_a_number", 40: "out_of_range"}), chunk_bytes=200)
    accept_mend(place, spec, mended_file(good(5, 25, 40)))
    place.estimator.meanwhile = [die_at_once, let_pass, let_pass, lambda: merge_until_death(place, spec)]

    place.run()

    assert place.estimator.meanwhile == []
    assert state(place, spec) == state(place, clean)
    assert place.written(spec) == place.written(clean)


@pytest.mark.parametrize("end", [pytest.param(cancel, id="canceled"), pytest.param(forget, id="deleted")])
def test_a_batch_that_ends_before_its_mend_keeps_its_files_as_they_were(
    place: Workplace, end: Callable[[Workplace, BatchSpec], None]
) -> None:
    spec = place.score(broken(20, {5: "missing_value"}))
    files = place.written(spec)
    accept_mend(place, spec, mended_file(good(5)))
    end(place, spec)

    place.run()

    assert place.written(spec) == files


def test_a_batch_that_is_canceled_during_its_mend_keeps_what_it_had(place: Workplace) -> None:
    spec = place.score(broken(20, {5: "missing_value"}))
    before = place.results(spec), place.errors(spec)
    accept_mend(place, spec, mended_file(good(5)))
    place.estimator.meanwhile = [lambda: cancel(place, spec)]

    place.run()

    assert (place.results(spec), place.errors(spec)) == before
    assert place.find(spec).status is BatchStatus.CANCELED


def test_a_mend_after_the_model_version_is_gone_leaves_the_batch_as_it_was(place: Workplace) -> None:
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}))
    before = state(place, spec)
    accept_mend(place, spec, mended_file(good(5)))
    place.replace_model(manifest(version="2"))

    place.run()

    assert state(place, spec) == before
