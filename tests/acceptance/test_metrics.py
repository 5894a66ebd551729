"""Figures of a whole stack: whichever process answers tells of all of them."""

from collections.abc import Callable, Iterator

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.waiting import wait_until

Scrape = Callable[[], dict[tuple[str, ...], float]]
REQUESTS = 40
PERSON = {"height": 190, "weight": 70, "shoe_size": 43}


@pytest.fixture(scope="module")
def own_stack(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that nobody else asks anything; two API processes, and workers of two lanes."""
    own = {"port": free_port(), "data_dir": tmp_path_factory.mktemp("data"), "workers": 1}
    with running_stack(stack_settings.model_copy(update=own)) as stack:
        yield stack


@pytest.fixture
def scrape(own_stack: Stack) -> Scrape:
    """Asks a process, whichever takes the new connection."""

    def ask() -> dict[tuple[str, ...], float]:
        text = httpx2.get(f"{own_stack.url}/metrics").raise_for_status().text
        families = text_string_to_metric_families(text)
        samples = [sample for family in families for sample in family.samples]
        return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}

    return ask


def wait_until_reported(scrape: Scrape, *series: str, at_least: float = 1.0) -> None:
    """Return when workers have told of so much; fails when they do not within their time to report."""
    wait_until(lambda: scrape().get(series, 0.0) >= at_least, seconds=20)


def test_requests_to_all_processes_are_added_up(own_stack: Stack, scrape: Scrape) -> None:
    # Each on a connection of its own, which either process may take.
    answers = [httpx2.get(f"{own_stack.url}/livez").status_code for _ in range(REQUESTS)]

    scrapes = [scrape()["rowcall_http_requests_total", "/livez", "200", "GET"] for _ in range(10)]

    assert answers == [200] * REQUESTS
    assert scrapes == [REQUESTS] * 10


def test_what_workers_did_is_told_by_the_api(own_stack: Stack, scrape: Scrape) -> None:
    answer = httpx2.post(f"{own_stack.url}/v1/models/gender/predict", json=[PERSON] * 3, timeout=60.0)

    assert answer.status_code == 200
    wait_until_reported(scrape, "rowcall_rows_total", "interactive", "predicted", at_least=3.0)
    wait_until_reported(scrape, "rowcall_messages_total", "done", "interactive")
    wait_until_reported(scrape, "rowcall_predict_seconds_count", "1", "gender")
    assert scrape()["rowcall_jobs_ended_total", "interactive", "succeeded"] == 1.0


def test_a_file_is_counted_when_it_ends(own_stack: Stack, scrape: Scrape) -> None:
    csv = "height,weight,shoe_size\n181,80,44\ntall,80,44\n"
    url = f"{own_stack.url}/v1/batches?model=gender"
    httpx2.post(url, content=csv, headers={"Content-Type": "text/csv"}).raise_for_status()

    wait_until_reported(scrape, "rowcall_batches_ended_total", "completed")
    wait_until_reported(scrape, "rowcall_rows_total", "bulk", "predicted")
    wait_until_reported(scrape, "rowcall_rows_total", "bulk", "failed")


def test_the_workers_of_each_lane_are_alive(scrape: Scrape) -> None:
    wait_until_reported(scrape, "rowcall_workers", "interactive")
    wait_until_reported(scrape, "rowcall_workers", "bulk")
    assert scrape()["rowcall_store_up",] == 1.0
