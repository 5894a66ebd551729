"""What a scrape says."""

import tracemalloc
from collections import deque
from collections.abc import Iterable
from itertools import repeat

from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from api.request_counts import OTHER_METHOD, UNMATCHED, RequestCounts
from shared.errors import StoreUnavailable
from shared.metrics import HTTP_REQUESTS, METRICS, PROBLEMS, Kind, Source
from shared.queues import Lane
from shared.settings import Settings
from shared.store_metrics import StoreMetrics
from shared.tally import Tally
from tests.builders import record
from tests.unit.api.conftest import Api, ApiMaker

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read_samples(api: Api) -> Samples:
    response = api.client.get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.get_data(as_text=True))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def sample(api: Api, name: str, **labels: str) -> float:
    return read_samples(api)[name, frozenset(labels.items())]


def label_values(samples: Iterable[tuple[str, frozenset[tuple[str, str]]]]) -> set[str]:
    return {value for _, labels in samples for _, value in labels}


def test_a_request_is_counted_by_method_route_and_status(api: Api) -> None:
    api.client.get("/livez")
    api.client.get("/livez")

    assert sample(api, "rowcall_http_requests_total", method="GET", route="/livez", status="200") == 2.0


def test_the_time_of_a_request_lies_in_its_buckets(make_api: ApiMaker) -> None:
    api = make_api(default_wait_seconds=0.05)
    api.predict()

    name, labels = "rowcall_http_request_seconds", {"method": "POST", "route": "/v1/models/{name}/predict"}
    assert sample(api, f"{name}_bucket", **labels, le="0.05") == 0.0
    assert sample(api, f"{name}_bucket", **labels, le="60.0") == 1.0
    assert sample(api, f"{name}_bucket", **labels, le="+Inf") == 1.0
    assert sample(api, f"{name}_sum", **labels) >= 0.05


def test_an_accepted_job_is_counted(api: Api) -> None:
    api.submit()

    assert sample(api, "rowcall_jobs_accepted_total", lane="interactive") == 1.0


def test_a_problem_is_counted_by_its_code(api: Api) -> None:
    api.submit({"height": 1.81, "weight": 80, "shoe_size": 44})

    assert sample(api, "rowcall_problems_total", code="invalid_input") == 1.0


def test_what_a_client_makes_up_is_no_label(api: Api) -> None:
    api.client.get("/canary-of-a-path?key=canary-of-a-key")
    api.client.open("/livez", method="CANARY")
    api.client.post("/v1/models/canary-of-a-model/predict", json=record())
    api.client.get("/v1/predictions/canary-of-an-id", headers={"Authorization": "Bearer canary-of-a-token"})

    values = label_values(read_samples(api))
    assert {UNMATCHED, OTHER_METHOD, "/v1/predictions/{job_id}"} <= values
    assert [value for value in values if "canary" in value.lower()] == []


def test_methods_that_clients_make_up_take_no_memory() -> None:
    tally = Tally()
    counts = RequestCounts(tally)

    made_up = [f"M{number}" for number in range(10_000)]

    tracemalloc.start()
    deque(map(counts.answered, made_up, repeat(""), repeat(405), repeat(0.001)), maxlen=0)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert tally.totals()[HTTP_REQUESTS.name, OTHER_METHOD, UNMATCHED, "405"] == [10_000.0]
    assert grown < 100_000


def test_without_the_store_it_says_so_and_what_the_host_knows(api: Api) -> None:
    api.client.get("/livez")
    api.registry.fault = StoreUnavailable()

    samples = read_samples(api)

    names = {name for name, _ in samples}
    assert samples["rowcall_store_up", frozenset()] == 0.0
    assert "rowcall_http_requests_total" in names
    assert names.isdisjoint(metric.name for metric in METRICS if metric.source is Source.DEPLOYMENT)


def test_with_the_store_it_says_so(api: Api) -> None:
    assert sample(api, "rowcall_store_up") == 1.0


def test_a_model_that_is_served_is_ready(api: Api) -> None:
    assert sample(api, "rowcall_model_ready", model="gender", version="1") == 1.0


def test_every_metric_has_its_help_and_type(api: Api) -> None:
    text = api.client.get("/metrics").get_data(as_text=True)

    assert [metric.name for metric in METRICS if f"# TYPE {metric.name} {metric.kind}\n" not in text] == []
    assert [metric.name for metric in METRICS if f"# HELP {metric.name} {metric.help}\n" not in text] == []


def test_open_metrics_are_there_for_who_asks(api: Api) -> None:
    response = api.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert response.content_type.startswith("application/openmetrics-text")
    assert response.get_data(as_text=True).endswith("# EOF\n")


def test_the_counters_of_the_store_are_those_of_all_workers(api: Api, redis: Redis, settings: Settings) -> None:
    store = StoreMetrics(redis, settings)
    store.report("worker-1", 1, {("rowcall_rows_total", "bulk", "predicted"): [2.0]})
    store.report("worker-2", 1, {("rowcall_rows_total", "bulk", "predicted"): [3.0]})

    assert sample(api, "rowcall_rows_total", lane=Lane.BULK, outcome="predicted") == 5.0


def test_names_follow_the_rules_of_prometheus() -> None:
    counters = {metric.name for metric in METRICS if metric.kind is Kind.COUNTER}
    timed = {metric.name for metric in METRICS if "seconds" in metric.name}

    assert {name for name in counters if not name.endswith("_total")} == set()
    assert {name for name in timed if not name.removesuffix("_total").endswith("_seconds")} == set()
    assert PROBLEMS.name in counters
