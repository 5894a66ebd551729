"""Every metric, declared once: name, labels, who counts it. No label carries input, a key or the name of a client."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: A metric and the values of its labels, in their order.
Series = tuple[str, ...]
#: The numbers of each series: one, or for a histogram those of its buckets, each for itself, and the sum.
Totals = dict[Series, list[float]]


class Kind(StrEnum):
    """How a metric behaves, in the words of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Who counts, which decides how the answers of several hosts are put together."""

    #: The API processes of one host: add the hosts up.
    HOST = "host"
    #: All processes of the deployment, through the store: every host says the same, so take the greatest.
    DEPLOYMENT = "deployment"


@dataclass(frozen=True, slots=True)
class Metric:
    """One name under `/metrics`."""

    name: str
    kind: Kind
    source: Source
    labels: tuple[str, ...]
    help: str
    #: Upper bounds of the buckets of a histogram, without the infinite one.
    bounds: tuple[float, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """Return what each number of a series is: "" or the upper bound of its bucket, "inf" and "sum" for the last."""
        return (*map(str, self.bounds), "inf", "sum") if self.kind is Kind.HISTOGRAM else ("",)


_REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_PREDICT_SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
_ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1000.0)

HTTP_REQUESTS = Metric(
    "rowcall_http_requests_total", Kind.COUNTER, Source.HOST, ("method", "route", "status"), "Requests answered."
)
HTTP_REQUEST_SECONDS = Metric(
    "rowcall_http_request_seconds",
    Kind.HISTOGRAM,
    Source.HOST,
    ("method", "route"),
    "Time until the answer began, waiting for a result included.",
    _REQUEST_SECONDS,
)
PROBLEMS = Metric("rowcall_problems_total", Kind.COUNTER, Source.HOST, ("code",), "Problem documents answered.")
JOBS_ACCEPTED = Metric(
    "rowcall_jobs_accepted_total", Kind.COUNTER, Source.HOST, ("lane",), "Prediction jobs recorded for requests."
)
STORE_UP = Metric("rowcall_store_up", Kind.GAUGE, Source.HOST, (), "1 when the job store answered this scrape.")

JOBS_QUEUED = Metric("rowcall_jobs_queued", Kind.GAUGE, Source.DEPLOYMENT, ("lane",), "Jobs no worker has taken yet.")
OLDEST_QUEUED = Metric(
    "rowcall_oldest_queued_seconds", Kind.GAUGE, Source.DEPLOYMENT, ("lane",), "Age of the job that waits longest."
)
JOBS_RUNNING = Metric("rowcall_jobs_running", Kind.GAUGE, Source.DEPLOYMENT, (), "Jobs that a worker has taken.")
JOBS_QUARANTINED = Metric("rowcall_jobs_quarantined", Kind.GAUGE, Source.DEPLOYMENT, (), "Jobs set aside.")
WORKERS = Metric("rowcall_workers", Kind.GAUGE, Source.DEPLOYMENT, ("lane",), "Workers alive.")
MODEL_READY = Metric(
    "rowcall_model_ready", Kind.GAUGE, Source.DEPLOYMENT, ("model", "version"), "1 when a live worker holds it."
)
JOBS_ENDED = Metric(
    "rowcall_jobs_ended_total", Kind.COUNTER, Source.DEPLOYMENT, ("lane", "status"), "Jobs that became final."
)
BATCHES_ENDED = Metric(
    "rowcall_batches_ended_total", Kind.COUNTER, Source.DEPLOYMENT, ("status",), "Files that became final."
)
JOB_ERRORS = Metric(
    "rowcall_job_errors_total", Kind.COUNTER, Source.DEPLOYMENT, ("code",), "Jobs that failed, by their error."
)
JOBS_RESENT = Metric(
    "rowcall_jobs_resent_total", Kind.COUNTER, Source.DEPLOYMENT, (), "Jobs sent again: message or worker was lost."
)
MESSAGES = Metric(
    "rowcall_messages_total", Kind.COUNTER, Source.DEPLOYMENT, ("lane", "outcome"), "Messages that workers took."
)
BUSY_SECONDS = Metric(
    "rowcall_worker_busy_seconds_total", Kind.COUNTER, Source.DEPLOYMENT, ("lane",), "Time with a message in hand."
)
MESSAGE_ROWS = Metric(
    "rowcall_message_rows", Kind.HISTOGRAM, Source.DEPLOYMENT, (), "Rows of a message of predictions.", _ROWS
)
PREDICT_SECONDS = Metric(
    "rowcall_predict_seconds",
    Kind.HISTOGRAM,
    Source.DEPLOYMENT,
    ("model", "version"),
    "Time in the model for the rows of one message of predictions.",
    _PREDICT_SECONDS,
)
ROWS = Metric(
    "rowcall_rows_total", Kind.COUNTER, Source.DEPLOYMENT, ("lane", "outcome"), "Rows that workers worked on."
)

METRICS = (
    HTTP_REQUESTS,
    HTTP_REQUEST_SECONDS,
    PROBLEMS,
    JOBS_ACCEPTED,
    STORE_UP,
    JOBS_QUEUED,
    OLDEST_QUEUED,
    JOBS_RUNNING,
    JOBS_QUARANTINED,
    WORKERS,
    MODEL_READY,
    JOBS_ENDED,
    BATCHES_ENDED,
    JOB_ERRORS,
    JOBS_RESENT,
    MESSAGES,
    BUSY_SECONDS,
    MESSAGE_ROWS,
    PREDICT_SECONDS,
    ROWS,
)
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}


def add_totals(into: Totals, more: Totals) -> None:
    """Add the numbers of another process to those of `into`."""
    for series, numbers in more.items():
        own = into.setdefault(series, [0.0] * len(numbers))
        into[series] = [one + other for one, other in zip(own, numbers, strict=True)]
