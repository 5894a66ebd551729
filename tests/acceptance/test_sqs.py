"""A whole stack with its queues on SQS, which a proxy in front of moto's server lets do only what the how-to allows."""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.direct import direct_outputs, people
from tests.acceptance.people_csv import added_columns, expected_rows, people_csv, read_csv
from tests.acceptance.submitter import assert_all_answered
from tests.acceptance.test_batches import score
from tests.acceptance.test_faults import run_with_kills, signal_processes
from tests.acceptance.test_http_contract import BODY, PERSON, submit_slow
from tests.acceptance.waiting import wait_until, wait_until_answered
from tests.moto_process import CREDENTIALS, MotoProcess
from tests.sqs_proxy import ALLOWED, BROKEN, THROTTLED, SqsProxy
from tests.sqs_queues import sqs_settings

#: A job of 1,000 moods does not fit into a message.
MESSAGE_BYTES = 16_384
#: So many of the reads of three workers fail in a row before SQS is well again.
FAILED_READS = 6


@pytest.fixture(scope="module")
def sqs() -> Iterator[SqsProxy]:
    with MotoProcess.run() as moto, SqsProxy.run(moto) as proxy, pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        yield proxy


@pytest.fixture(scope="module")
def stack(sqs: SqsProxy, tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Stack]:
    queues = sqs_settings(sqs.moto, "rowcall") | {"sqs_endpoint_url": sqs.url, "sqs_message_bytes": MESSAGE_BYTES}
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        lease_seconds=2.0,
        chunk_bytes=50_000,
        **queues,
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture
def frozen_workers(stack: Stack) -> Iterator[Any]:
    """Workers that take nothing until they are let go."""

    def let_go() -> None:
        signal_processes(stack, "worker", signal.SIGCONT)

    signal_processes(stack, "worker", signal.SIGSTOP)
    yield let_go
    let_go()


@pytest.fixture
def healthy(sqs: SqsProxy) -> Iterator[None]:
    yield
    sqs.failing.clear()


def read(http: httpx2.Client, accepted: httpx2.Response) -> Any:
    return http.get(accepted.headers["Location"], headers={"Prefer": "wait=40"}).json()


def wait_until_running(http: httpx2.Client, url: str) -> None:
    wait_until(lambda: http.get(url).json()["status"] == "running", seconds=20)


def lose_record(stack: Stack, accepted: httpx2.Response) -> int:
    """Delete the record of a job behind the store's back."""
    with Redis.from_url(stack.store_url) as redis:
        return int(redis.delete(f"{{rowcall}}:job:{accepted.json()['id']}"))


def test_a_job_is_submitted_and_polled(http: httpx2.Client) -> None:
    accepted = http.post("/v1/predictions", json=BODY)

    job = read(http, accepted)

    assert (accepted.status_code, job["status"]) == (202, "succeeded")
    assert job["output"] == direct_outputs([PERSON])[0]


def test_a_request_waits_for_its_answer(http: httpx2.Client) -> None:
    response = http.post("/v1/models/gender/predict", json=people(20))

    assert response.status_code == 200
    assert response.json() == direct_outputs(people(20))


def test_a_file_is_scored(http: httpx2.Client) -> None:
    batch, results = score(http, people_csv(3_000))

    assert batch["counts"] == {"total": 3_000, "succeeded": 3_000, "failed": 0, "pending": 0}
    assert [added_columns(row) for row in read_csv(results)] == expected_rows(3_000)


def test_a_job_too_large_for_a_message_is_answered(http: httpx2.Client) -> None:
    moods = [{"mood": number + 0.123456789012} for number in range(1_000)]

    response = http.post("/v1/models/moody/predict", json=moods, headers={"Prefer": "wait=40"})

    assert response.status_code == 200
    assert len(response.json()) == 1_000


def test_a_queued_job_is_canceled_and_stays_so(http: httpx2.Client, frozen_workers: Any) -> None:
    accepted = http.post("/v1/predictions", json=BODY)

    canceled = http.post(f"{accepted.headers['Location']}/cancel").json()
    frozen_workers()
    http.post("/v1/models/gender/predict", json=PERSON, headers={"Prefer": "wait=40"})

    assert canceled["status"] == "canceled"
    assert http.get(accepted.headers["Location"]).json()["status"] == "canceled"


def test_a_deadline_that_passes_in_the_queue_expires_the_job(http: httpx2.Client, frozen_workers: Any) -> None:
    accepted = http.post("/v1/predictions", json=BODY, headers={"Cancel-After": "1"})
    deadline = datetime.fromisoformat(accepted.json()["deadline_at"])
    wait_until(lambda: datetime.now(UTC) > deadline, seconds=10)

    frozen_workers()

    assert read(http, accepted)["status"] == "expired"


def test_a_job_whose_worker_is_killed_in_the_middle_runs_again_after_its_lease(
    stack: Stack, http: httpx2.Client
) -> None:
    accepted = submit_slow(http, 2.0)
    wait_until_running(http, accepted.headers["Location"])
    since = time.monotonic()

    signal_processes(stack, "worker", signal.SIGKILL)

    job = read(http, accepted)
    assert (job["status"], job["attempt"]) == ("succeeded", 2)
    # SQS alone would give the message to another worker after 180 s.
    assert time.monotonic() - since < 40


def test_a_job_whose_record_is_lost_in_the_queue_is_answered(
    stack: Stack, http: httpx2.Client, frozen_workers: Any
) -> None:
    accepted = http.post("/v1/predictions", json=BODY)
    assert lose_record(stack, accepted) == 1

    frozen_workers()
    http.post("/v1/models/gender/predict", json=PERSON, headers={"Prefer": "wait=40"})

    job = read(http, accepted)
    assert (job["id"], job["status"]) == (accepted.json()["id"], "succeeded")
    assert job["output"] == direct_outputs([PERSON])[0]


def test_a_job_whose_record_is_lost_while_it_is_predicted_is_answered(stack: Stack, http: httpx2.Client) -> None:
    accepted = submit_slow(http, 3.0)
    wait_until_running(http, accepted.headers["Location"])
    assert lose_record(stack, accepted) == 1
    wait_until_answered(http, accepted.headers["Location"], 200)

    job = read(http, accepted)

    assert (job["status"], job["output"]["prediction"]) == ("succeeded", "calm")


@pytest.mark.usefixtures("healthy")
def test_a_job_that_cannot_be_sent_is_accepted_and_sent_later(http: httpx2.Client, sqs: SqsProxy) -> None:
    sqs.failing["SendMessage"] = THROTTLED
    accepted = http.post("/v1/predictions", json=BODY)
    queued = http.get(accepted.headers["Location"]).json()

    sqs.failing.clear()

    assert (accepted.status_code, queued["status"]) == (202, "queued")
    assert read(http, accepted)["status"] == "succeeded"


@pytest.mark.usefixtures("healthy")
def test_workers_read_again_after_queues_could_not_be_read(http: httpx2.Client, sqs: SqsProxy) -> None:
    sqs.failing["ReceiveMessage"] = BROKEN
    sqs.failed.clear()
    # Each worker has a long poll under way, which may still take one.
    slow = [submit_slow(http, 0.5) for _ in range(4)]
    wait_until(lambda: sqs.failed[BROKEN] >= FAILED_READS, seconds=40)
    sqs.failing["ReceiveMessage"] = THROTTLED
    wait_until(lambda: sqs.failed[THROTTLED] >= FAILED_READS, seconds=40)

    sqs.failing.clear()

    assert [read(http, accepted)["status"] for accepted in slow] == ["succeeded"] * 4


@pytest.mark.usefixtures("healthy")
def test_the_api_is_not_ready_while_sqs_does_not_answer(http: httpx2.Client, sqs: SqsProxy) -> None:
    ready = http.get("/readyz").status_code
    sqs.failing["GetQueueAttributes"] = BROKEN
    not_ready = wait_until_answered(http, "/readyz", 503)
    sqs.failing.clear()
    wait_until_answered(http, "/readyz", 200)

    assert (ready, not_ready.json()["code"]) == (200, "broker_unavailable")


def test_every_accepted_job_is_answered_though_workers_and_store_are_killed(stack: Stack) -> None:
    submitter = run_with_kills(stack, jobs=300, kills=3, pause_seconds=1.0)

    assert_all_answered(submitter, jobs=300, seconds=90)


def test_nothing_was_asked_of_sqs_that_is_not_allowed(http: httpx2.Client, sqs: SqsProxy) -> None:
    http.post("/v1/models/gender/predict", json=PERSON, headers={"Prefer": "wait=40"})

    assert sqs.asked.keys() <= ALLOWED
    assert {"SendMessage", "ReceiveMessage", "DeleteMessage"} <= sqs.asked.keys()
