"""What a worker counts, and how it gets into the store."""

import pytest

from shared.errors import StoreUnavailable
from shared.job_errors import JobErrorCode
from shared.jobs import JobError, JobStatus, Outcome
from shared.messages import MessageUnreadable
from shared.metrics import JOB_ERRORS, JOBS_RESENT, MESSAGE_ROWS, MESSAGES, PREDICT_SECONDS, ROWS, Totals
from shared.queues import Lane
from worker.measures import Measures, Reporter


class FakeStore:
    """Takes reports, or is away."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, int, Totals]] = []
        self.is_away = False

    def report(self, process: str, number: int, growth: Totals) -> None:
        self.reports.append((process, number, growth))
        if self.is_away:
            raise StoreUnavailable


@pytest.fixture
def measures() -> Measures:
    return Measures()


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def reporter(measures: Measures, store: FakeStore) -> Reporter:
    return Reporter(measures, store, "w1")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(StoreUnavailable(), "left"), (MessageUnreadable("bad"), "dropped"), (ValueError("bug"), "failed")],
    ids=["store away", "unreadable", "defect"],
)
def test_a_message_counts_as_what_became_of_it(measures: Measures, error: Exception, outcome: str) -> None:
    with pytest.raises(type(error)), measures.message(Lane.BULK):
        raise error

    assert measures.totals()[MESSAGES.name, "bulk", outcome] == [1.0]


def test_a_message_without_trouble_is_done(measures: Measures) -> None:
    with measures.message(Lane.INTERACTIVE):
        pass

    assert measures.totals()[MESSAGES.name, "interactive", "done"] == [1.0]


def test_a_pass_of_the_model_counts_its_rows_and_its_time(measures: Measures) -> None:
    measures.predicted("gender", "1", rows=3, seconds=0.02)

    totals = measures.totals()
    assert totals[MESSAGE_ROWS.name,][-1] == 3.0
    assert totals[PREDICT_SECONDS.name, "gender", "1"][-1] == 0.02


def test_jobs_that_failed_are_counted_by_their_error(measures: Measures) -> None:
    error = JobError(JobErrorCode.PREDICTION_FAILED, "the model raised ValueError: canary")

    measures.failures([Outcome(JobStatus.FAILED, error=error), Outcome(JobStatus.SUCCEEDED, predictions=[])])

    assert {s: n for s, n in measures.totals().items() if s[0] == JOB_ERRORS.name} == {
        (JOB_ERRORS.name, "prediction_failed"): [1.0]
    }


def test_only_what_grew_is_reported(measures: Measures, reporter: Reporter, store: FakeStore) -> None:
    measures.rows(Lane.BULK, predicted=5, failed=0)
    reporter.report()
    measures.resent(2)
    reporter.report()

    assert store.reports == [
        ("w1", 1, {(ROWS.name, "bulk", "predicted"): [5.0]}),
        ("w1", 2, {(JOBS_RESENT.name,): [2.0]}),
    ]


def test_nothing_is_reported_when_nothing_happened(reporter: Reporter, store: FakeStore) -> None:
    reporter.report()

    assert store.reports == []


def test_a_report_without_an_answer_is_told_again_as_it_was(
    measures: Measures, reporter: Reporter, store: FakeStore
) -> None:
    measures.resent(2)
    store.is_away = True
    with pytest.raises(StoreUnavailable):
        reporter.report()
    measures.resent(1)
    store.is_away = False

    reporter.report()
    reporter.report()

    first = ("w1", 1, {(JOBS_RESENT.name,): [2.0]})
    assert store.reports == [first, first, ("w1", 2, {(JOBS_RESENT.name,): [1.0]})]


def test_a_worker_that_stops_reports_for_the_last_time(
    measures: Measures, reporter: Reporter, store: FakeStore
) -> None:
    reporter.start()
    measures.resent(1)

    reporter.stop()

    assert store.reports == [("w1", 1, {(JOBS_RESENT.name,): [1.0]})]
