"""Requests that pass Flask by are counted as those that do not, and once."""

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.errors import ServiceError, StoreUnavailable
from shared.jobs import Outcome
from tests.builders import failure, success
from tests.unit.api.conftest import Api
from tests.unit.api.express.conftest import JSON, PREDICT, SUBMIT, Asked, Pair, good_input

#: What does not depend on how long anything took.
COUNTS = {
    "rowcall_http_requests_total",
    "rowcall_http_request_seconds_count",
    "rowcall_problems_total",
    "rowcall_jobs_accepted_total",
}
WAIT = JSON | {"Prefer": "wait=5"}


def counts_of(api: Api) -> list[tuple[str, list[tuple[str, str]], float]]:
    """Return what this process has counted of its requests."""
    families = text_string_to_metric_families(api.client.get("/metrics").get_data(as_text=True))
    samples = [sample for family in families for sample in family.samples if sample.name in COUNTS]
    return sorted((sample.name, sorted(sample.labels.items()), sample.value) for sample in samples)


@pytest.mark.parametrize("path", [SUBMIT, PREDICT], ids=["submit", "predict"])
@pytest.mark.parametrize(
    ("outcome", "fault"),
    [(success(), None), (failure(), None), (None, None), (None, StoreUnavailable())],
    ids=["succeeding", "failing", "no worker", "store away"],
)
def test_an_order_is_counted_alike(pair: Pair, path: str, outcome: Outcome | None, fault: ServiceError | None) -> None:
    pair.set_up(outcome=outcome, fault=fault)

    pair.ask_both(Asked(path, orjson.dumps(good_input(path)), WAIT))

    assert counts_of(pair.fast) == counts_of(pair.plain)


@pytest.mark.parametrize("path", [SUBMIT, PREDICT, "/v1/models/nobody/predict"])
def test_a_request_with_a_fault_is_counted_alike(pair: Pair, path: str) -> None:
    pair.ask_both(Asked(path, b'{"height": "tall"}', JSON))

    assert counts_of(pair.fast) == counts_of(pair.plain)


def test_the_time_that_a_client_waited_counts_though_flask_answers(pair: Pair) -> None:
    pair.set_up(outcome=None)

    pair.ask_fast(Asked(PREDICT, orjson.dumps(good_input(PREDICT)), WAIT))

    families = text_string_to_metric_families(pair.fast.client.get("/metrics").get_data(as_text=True))
    (seconds,) = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "rowcall_http_request_seconds_sum" and sample.labels["route"] == "/v1/models/{name}/predict"
    ]
    # The most that these processes let a client wait.
    assert seconds >= 0.05
