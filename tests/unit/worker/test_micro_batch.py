from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.errors import StoreUnavailable
from shared.job_store import Verdict
from shared.jobs import Job, JobError, JobSpec, JobStatus, ModelRef, Outcome
from shared.messages import PredictMessage
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import job_spec, manifest, rows
from tests.fakes import FakeJobStore
from worker.lease_keeper import LeaseKeeper
from worker.micro_batch import MicroBatch, RowFailure, predict_rows
from worker.predictor import Predictor
from worker.predictors import Predictors

EMPTY_QUEUES: dict[Lane, float | None] = dict.fromkeys(Lane)
#: Heights that the model cannot bear, and one for which it answers NaN.
BAD, WORSE, NAN = 101.0, 102.0, 103.0


class CountingModel:
    """Says "male" with certainty from 175 cm on, fails where it is told to, and counts its calls."""

    def __init__(self, bad_heights: Sequence[float] = (BAD, WORSE), during: Callable[[], None] = lambda: None) -> None:
        self.call_rows: list[int] = []
        self._bad_heights = bad_heights
        self._during = during

    def predict_proba(self, frame: NDArray[np.float64]) -> NDArray[np.float64]:
        self.call_rows.append(len(frame))
        self._during()
        heights = frame[:, 0]
        bad = heights[np.isin(heights, self._bad_heights)]
        if bad.size:
            raise ValueError(f"cannot bear {bad[0]:g}")
        is_male = np.where(heights == NAN, np.nan, heights >= 175)
        return np.column_stack([1 - is_male, is_male])


class WitnessedJobStore(FakeJobStore):
    """Remembers how much worker time it was told; can be away."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.busy_seconds: list[float] = []
        self.is_down = False

    def claim(self, job_ids: Sequence[str], token: str) -> list[Verdict]:
        if self.is_down:
            raise StoreUnavailable
        return super().claim(job_ids, token)

    def finish(self, lane: Lane, outcomes: Mapping[str, Outcome], token: str, *, busy_seconds: float) -> list[bool]:
        self.busy_seconds.append(busy_seconds)
        return super().finish(lane, outcomes, token, busy_seconds=busy_seconds)


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def jobs(settings: Settings) -> WitnessedJobStore:
    return WitnessedJobStore(settings)


@pytest.fixture
def leases(jobs: WitnessedJobStore, settings: Settings) -> LeaseKeeper:
    return LeaseKeeper(jobs, settings)


@pytest.fixture
def run(jobs: WitnessedJobStore, leases: LeaseKeeper, tmp_path: Path) -> Callable[..., None]:
    """Runs the message of these jobs with a model."""

    def run_message(model: CountingModel, *specs: JobSpec) -> None:
        predictors = Predictors([Predictor(manifest(), model)], tmp_path)
        MicroBatch(jobs, predictors, leases).run(PredictMessage.of(specs))

    return run_message


def find(jobs: FakeJobStore, job_id: str) -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job


def outcome_of(jobs: FakeJobStore, job_id: str) -> Outcome:
    outcome = find(jobs, job_id).outcome
    assert outcome is not None
    return outcome


def error_of(jobs: FakeJobStore, job_id: str) -> JobError:
    error = outcome_of(jobs, job_id).error
    assert error is not None
    return error


def many(job_id: str, *heights: float, **overrides: Any) -> JobSpec:
    return job_spec(job_id, rows=rows(*heights), is_single=False, **overrides)


def labels(outcome: Outcome) -> list[str]:
    return [prediction["prediction"] for prediction in outcome.predictions or []]


def test_a_message_is_predicted_in_one_call(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    specs = [many("prd_a", 181), many("prd_b", 160, 190), many("prd_c", 150, 151, 152)]
    jobs.accept(specs)
    model = CountingModel()

    run(model, *specs)

    assert model.call_rows == [6]


def test_every_job_of_a_message_gets_the_predictions_of_its_own_rows(
    jobs: WitnessedJobStore, run: Callable[..., None]
) -> None:
    specs = [many("prd_a", 181), many("prd_b", 160, 190), many("prd_c", 150, 199, 152)]
    jobs.accept(specs)

    run(CountingModel(), *specs)

    assert [labels(outcome_of(jobs, spec.id)) for spec in specs] == [
        ["male"],
        ["female", "male"],
        ["female", "male", "female"],
    ]
    assert {find(jobs, spec.id).status for spec in specs} == {JobStatus.SUCCEEDED}


def test_an_outcome_says_how_many_rows_shared_its_call(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    specs = [many("prd_a", 181), many("prd_b", 160, 190)]
    jobs.accept(specs)

    run(CountingModel(), *specs)

    assert outcome_of(jobs, "prd_a").batch_rows == 3


def test_the_store_is_told_the_worker_time_of_the_whole_message(
    jobs: WitnessedJobStore, run: Callable[..., None]
) -> None:
    specs = [many("prd_a", 181), many("prd_b", 160, 190)]
    jobs.accept(specs)

    run(CountingModel(), *specs)

    (busy_seconds,) = jobs.busy_seconds
    assert busy_seconds >= outcome_of(jobs, "prd_a").predict_seconds > 0


def test_a_bad_row_fails_its_job_and_no_other(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    specs = [many("prd_a", 181), many("prd_bad", 160, BAD, 190), many("prd_c", 150)]
    jobs.accept(specs)

    run(CountingModel(), *specs)

    assert [find(jobs, spec.id).status for spec in specs] == [
        JobStatus.SUCCEEDED,
        JobStatus.FAILED,
        JobStatus.SUCCEEDED,
    ]
    assert outcome_of(jobs, "prd_bad").predictions is None


def test_a_failed_job_names_each_bad_row(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    spec = many("prd_bad", 160, BAD, 190, WORSE)
    jobs.accept([spec])

    run(CountingModel(), spec)

    error = error_of(jobs, "prd_bad")
    assert (error.code, error.detail) == (
        "prediction_failed",
        "2 of 4 rows got no prediction: the model raised ValueError: cannot bear 101",
    )
    assert [(note.pointer, note.detail) for note in error.errors] == [
        ("/1", "the model raised ValueError: cannot bear 101"),
        ("/3", "the model raised ValueError: cannot bear 102"),
    ]


def test_the_bad_row_of_a_single_record_is_the_first(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    spec = job_spec("prd_bad", rows=rows(BAD))
    jobs.accept([spec])

    run(CountingModel(), spec)

    assert [note.pointer for note in error_of(jobs, "prd_bad").errors] == ["/0"]


def test_a_failed_job_names_a_bounded_number_of_bad_rows(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    spec = many("prd_bad", *[BAD] * 50)
    jobs.accept([spec])

    run(CountingModel(), spec)

    error = error_of(jobs, "prd_bad")
    assert error.detail.startswith("50 of 50 rows got no prediction")
    assert len(error.errors) == 20


def test_an_answer_that_is_no_prediction_fails_its_job_and_no_other(
    jobs: WitnessedJobStore, run: Callable[..., None]
) -> None:
    specs = [many("prd_a", 181), many("prd_nan", NAN)]
    jobs.accept(specs)

    run(CountingModel(), *specs)

    assert find(jobs, "prd_a").status is JobStatus.SUCCEEDED
    assert error_of(jobs, "prd_nan").code == "output_invalid"


def test_jobs_that_are_not_claimed_are_not_predicted(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    specs = [many("prd_canceled", 181), many("prd_taken", 160), many("prd_ours", 190, 191)]
    jobs.accept(specs)
    jobs.cancel("prd_canceled")
    jobs.claim(["prd_taken"], "other worker")
    model = CountingModel()

    run(model, *specs, many("prd_unknown", 170))

    assert model.call_rows == [2]
    assert [find(jobs, spec.id).status for spec in specs] == [
        JobStatus.CANCELED,
        JobStatus.RUNNING,
        JobStatus.SUCCEEDED,
    ]


def test_a_message_that_comes_again_is_not_predicted_again(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    spec = many("prd_a", 181, 160)
    jobs.accept([spec])
    model = CountingModel()

    run(model, spec)
    run(model, spec)

    assert model.call_rows == [2]


def test_a_worker_that_lost_its_lease_records_nothing(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    spec = many("prd_a", 181, 160)
    jobs.accept([spec])

    def lose_the_lease() -> None:
        jobs.let_time_pass(11)
        jobs.sweep(EMPTY_QUEUES)
        jobs.claim(["prd_a"], "other worker")

    run(CountingModel(during=lose_the_lease), spec)

    assert (find(jobs, "prd_a").status, find(jobs, "prd_a").outcome) == (JobStatus.RUNNING, None)


def test_leases_are_kept_while_the_model_runs(
    jobs: WitnessedJobStore, leases: LeaseKeeper, run: Callable[..., None]
) -> None:
    spec = many("prd_a", 181, 160)
    jobs.accept([spec])

    def take_long() -> None:
        jobs.let_time_pass(8)
        leases.renew_once()
        jobs.let_time_pass(8)
        jobs.sweep(EMPTY_QUEUES)

    run(CountingModel(during=take_long), spec)

    assert (find(jobs, "prd_a").status, find(jobs, "prd_a").attempt) == (JobStatus.SUCCEEDED, 1)


def test_jobs_of_a_version_that_is_not_served_fail_with_advice(
    jobs: WitnessedJobStore, run: Callable[..., None]
) -> None:
    spec = many("prd_a", 181, model=ModelRef("gender", "0", "0" * 64))
    jobs.accept([spec])

    run(CountingModel(), spec)

    assert find(jobs, "prd_a").status is JobStatus.FAILED
    assert error_of(jobs, "prd_a") == JobError(
        "model_unavailable",
        "The workers no longer serve gender/0; submit again to use the version that they serve.",
    )


def test_a_store_that_is_away_leaves_the_job_to_the_sweeper(jobs: WitnessedJobStore, run: Callable[..., None]) -> None:
    spec = many("prd_a", 181)
    jobs.accept([spec])
    jobs.is_down = True
    model = CountingModel()

    with pytest.raises(StoreUnavailable):
        run(model, spec)

    assert model.call_rows == []
    assert find(jobs, "prd_a").status is JobStatus.QUEUED


@hypothesis_settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=65))
def test_exactly_the_bad_rows_fail_whichever_they_are(is_bad: list[bool]) -> None:
    heights = [150.0 + number for number in range(len(is_bad))]
    model = CountingModel([height for height, bad in zip(heights, is_bad, strict=True) if bad])

    results = predict_rows(Predictor(manifest(), model), rows(*heights))

    assert [isinstance(result, RowFailure) for result in results] == is_bad


@hypothesis_settings(deadline=None)
@given(st.lists(st.sampled_from([150.0, 160.0, 180.0, 190.0, BAD, NAN]), min_size=2, max_size=33))
def test_a_good_row_gets_the_same_prediction_among_bad_ones_as_alone(heights: list[float]) -> None:
    predictor = Predictor(manifest(), CountingModel())

    together = predict_rows(predictor, rows(*heights))

    assert together == [predict_rows(predictor, rows(height))[0] for height in heights]


def test_one_bad_row_of_a_thousand_costs_a_few_calls() -> None:
    model = CountingModel()
    heights = [180.0] * 1_023 + [BAD]

    predict_rows(Predictor(manifest(), model), rows(*heights))

    assert len(model.call_rows) <= 1 + 2 * 10
