"""Prometheus reads what the service tells, and takes every question of the dashboard."""

import json
import re
import subprocess
from pathlib import Path

import httpx2
import pytest

from shared.metrics import BY_NAME
from standalone.stack import Stack
from tests.monitoring.conftest import Prometheus, find_program

ROOT = Path(__file__).resolve().parent.parent.parent
DASHBOARD = json.loads((ROOT / "infra/monitoring/dashboards/rowcall.json").read_text())
#: What Grafana puts in the place of its variables.
INTERVAL = "1m"
QUERIES = sorted(
    {
        target["expr"].replace("$__rate_interval", INTERVAL)
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }
)
each_query = pytest.mark.parametrize("query", QUERIES)
#: Metrics without a series as long as nothing of the kind has happened.
RARE = re.compile(r"rowcall_(job_errors_total|jobs_resent_total|messages_total)")


def promtool(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [find_program("promtool"), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_the_configuration_is_one() -> None:
    run = promtool("check", "config", str(ROOT / "infra/monitoring/prometheus.yml"))

    assert (run.returncode, run.stderr) == (0, "")


def test_the_metrics_are_named_as_prometheus_wants_them(stack: Stack) -> None:
    run = promtool("check", "metrics", given=httpx2.get(f"{stack.url}/metrics").text)

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.usefixtures("worked")
def test_the_service_is_scraped_without_a_complaint(prometheus: Prometheus) -> None:
    targets = prometheus.ask("targets")["activeTargets"]

    assert [(target["health"], target["lastError"]) for target in targets] == [("up", "")]


@pytest.mark.usefixtures("worked")
def test_every_metric_arrives_with_its_type(prometheus: Prometheus) -> None:
    known = {name: entries[0]["type"] for name, entries in prometheus.ask("metadata").items()}

    ours = {name: kind for name, kind in known.items() if name.startswith("rowcall_")}
    # In OpenMetrics, which Prometheus asks for, a counter is named without its ending.
    assert ours == {name.removesuffix("_total"): metric.kind.value for name, metric in BY_NAME.items()}


@pytest.mark.usefixtures("worked")
@each_query
def test_a_question_of_the_dashboard_is_understood(prometheus: Prometheus, query: str) -> None:
    assert prometheus.ask("query", query=query)["resultType"] == "vector"


@pytest.mark.usefixtures("worked")
@pytest.mark.parametrize("query", [query for query in QUERIES if not RARE.search(query)])
def test_a_question_of_the_dashboard_is_answered(prometheus: Prometheus, query: str) -> None:
    assert prometheus.find_samples(query) != []


def test_prometheus_refuses_a_question_that_is_none(prometheus: Prometheus) -> None:
    with pytest.raises(AssertionError, match="parse error"):
        prometheus.ask("query", query="sum by (lane (rowcall_jobs_queued)")
