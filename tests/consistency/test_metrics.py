"""Every metric is documented as it is, every documented one exists, and dashboards use none that does not."""

import re
from pathlib import Path

import pytest

from shared.metrics import BY_NAME, METRICS, Metric

ROOT = Path(__file__).resolve().parent.parent.parent
ROW = re.compile(r"^\| `(rowcall_[a-z_]+)` \| ([^|]*) \| ([^|]*)\| ([^|]*) \|", re.MULTILINE)
NAME = re.compile(r"\browcall_[a-z_]+\b")
#: Labels that may exist; each takes its values from us, none from a client.
LABELS = {"method", "route", "status", "code", "lane", "outcome", "model", "version"}


@pytest.fixture(scope="module")
def document() -> str:
    return (ROOT / "docs/reference/metrics.md").read_text()


def test_every_metric_is_documented_and_every_documented_one_exists(document: str) -> None:
    assert [row[0] for row in ROW.findall(document)] == [metric.name for metric in METRICS]


@pytest.mark.parametrize("metric", METRICS, ids=BY_NAME)
def test_a_metric_is_documented_as_it_is(document: str, metric: Metric) -> None:
    (row,) = (row for row in ROW.findall(document) if row[0] == metric.name)

    assert [cell.strip() for cell in row[1:]] == [metric.kind, ", ".join(metric.labels), metric.source]


def test_the_document_names_no_other_metric(document: str) -> None:
    assert set(NAME.findall(document)) - BY_NAME.keys() == set()


def test_every_label_takes_its_values_from_us() -> None:
    assert {label for metric in METRICS for label in metric.labels} == LABELS
