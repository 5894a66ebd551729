"""The routes for operators: jobs that were set aside are listed, shown, redriven and dropped."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from pydantic import SecretStr
from werkzeug.test import TestResponse

from shared.batch_jobs import chunk_job, mend_job, split_job
from shared.batch_store import EndVerdict
from shared.batches import BatchError, BatchErrorCode, BatchStatus, Mend
from shared.jobs import JobSpec, JobStatus
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import batch_spec, chunk, csv_layout, job_spec, part
from tests.fakes import FakeJobStore, TimedRedisBatchStore, TimedRedisJobStore
from tests.unit.api.conftest import Api, ApiMaker, document_of

TOKEN = "an operator's own token"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
POISON = "prd_" + "a" * 32
BATCH = "bat_" + "b" * 32


@pytest.fixture
def api(make_api: ApiMaker, jobs: TimedRedisJobStore) -> Api:
    """An API process on a real store, because the quarantine lies in it."""
    own_store = cast("Callable[[Settings], FakeJobStore]", lambda _settings: jobs)
    return make_api(own_store, operator_token=SecretStr(TOKEN))


def set_aside(jobs: TimedRedisJobStore, spec: JobSpec) -> None:
    """Let every worker that takes the job die."""
    jobs.accept([spec])
    for number in range(spec.max_attempts):
        jobs.claim([spec.id], f"t{number}")
        jobs.let_time_pass(60)
        jobs.sweep({})


def ask(api: Api, method: str, path: str = "", **query: Any) -> TestResponse:
    return api.client.open(f"/v1/quarantine{path}", method=method, headers=HEADERS, query_string=query)


def test_a_job_that_was_set_aside_is_listed(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON, rows=[[181.0, 44.0], [182.0, 45.0]], is_single=False))

    document = document_of(ask(api, "GET"))

    (one,) = document["data"]
    assert (one["id"], one["rows"], one["step"], one["attempt"]) == (POISON, 2, None, 3)
    assert one["error"]["code"] == "worker_died"
    assert document["next_cursor"] is None


def test_an_empty_quarantine_is_an_empty_list(api: Api) -> None:
    assert document_of(ask(api, "GET")) == {"object": "list", "data": [], "next_cursor": None}


def test_a_job_is_shown_with_its_input_as_it_was_sent(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))

    document = document_of(ask(api, "GET", f"/{POISON}"))

    assert document["input"] == {"height": 181.0, "shoe_size": 44.0}
    assert document["chunk"] is None


def test_several_records_are_shown_as_several(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON, is_single=False))

    assert document_of(ask(api, "GET", f"/{POISON}"))["input"] == [{"height": 181.0, "shoe_size": 44.0}]


def test_the_input_for_a_model_that_is_served_no_more_is_shown_as_its_values(
    api: Api, jobs: TimedRedisJobStore
) -> None:
    api.registry.models.clear()
    set_aside(jobs, job_spec(POISON))

    assert document_of(ask(api, "GET", f"/{POISON}"))["input"] == [181.0, 44.0]


def test_a_chunk_is_shown_with_the_rows_that_it_holds(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    set_aside_chunk(jobs, batches)

    document = document_of(ask(api, "GET", f"/{BATCH}.chunk.1"))

    assert document["step"] == {"batch_id": BATCH, "kind": "chunk", "index": 1}
    assert document["chunk"] == {"first_row": 11, "rows": 10, "start_byte": 10, "stop_byte": 20}
    assert document["input"] is None


def test_a_redriven_prediction_is_a_new_job_with_the_same_input(api: Api, jobs: TimedRedisJobStore) -> None:
    spec = job_spec(POISON, reply_to="somebody who waited")
    set_aside(jobs, spec)

    response = ask(api, "POST", f"/{POISON}/redrive")

    successor = jobs.find(document_of(response)["redriven_as"])
    assert response.status_code == 202
    assert successor is not None
    assert response.headers["Location"] == f"/v1/predictions/{successor.id}"
    assert (successor.status, successor.attempt) == (JobStatus.QUEUED, 0)
    assert (successor.spec.rows, successor.spec.model, successor.spec.reply_to) == (spec.rows, spec.model, "")
    assert api.broker.sent == [[successor.spec]]
    assert successor.id != POISON


def test_the_answer_under_the_old_id_stays_and_names_the_new_job(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))
    before = document_of(api.client.get(f"/v1/predictions/{POISON}"))

    successor = document_of(ask(api, "POST", f"/{POISON}/redrive"))["redriven_as"]

    after = document_of(api.client.get(f"/v1/predictions/{POISON}"))
    assert (before["status"], before["redriven_as"]) == ("failed", None)
    assert after["redriven_as"] == successor
    changing = {"redriven_as": None, "expires_at": None}
    assert after | changing == before | changing


def test_a_redriven_job_is_in_quarantine_no_longer(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))

    ask(api, "POST", f"/{POISON}/redrive")

    assert document_of(ask(api, "GET"))["data"] == []
    assert ask(api, "GET", f"/{POISON}").status_code == 404


def test_redriving_twice_makes_one_new_job(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))

    first, second = (ask(api, "POST", f"/{POISON}/redrive") for _ in range(2))

    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert len(api.broker.sent) == 1


def test_a_job_that_kills_workers_again_is_set_aside_under_its_new_id(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))
    successor = document_of(ask(api, "POST", f"/{POISON}/redrive"))["redriven_as"]

    set_aside(jobs, job_spec(successor))

    assert [one["id"] for one in document_of(ask(api, "GET"))["data"]] == [successor]


def test_a_message_that_cannot_be_sent_is_left_to_the_sweeper(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))
    api.broker.is_down = True

    response = ask(api, "POST", f"/{POISON}/redrive")
    jobs.let_time_pass(60)

    assert response.status_code == 202
    assert [one.spec.id for one in jobs.sweep({Lane.INTERACTIVE: None}).resend] == [
        document_of(response)["redriven_as"]
    ]


def test_a_dropped_job_keeps_its_answer_and_loses_its_input(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))

    response = ask(api, "DELETE", f"/{POISON}")

    job = jobs.find(POISON)
    assert (response.status_code, response.data) == (204, b"")
    assert job is not None
    assert (job.status, job.spec.rows) == (JobStatus.FAILED, [])
    assert document_of(ask(api, "GET"))["data"] == []


def test_the_answer_of_a_dropped_job_is_kept_no_longer_than_any_other(
    api: Api, jobs: TimedRedisJobStore, settings: Settings
) -> None:
    set_aside(jobs, job_spec(POISON))

    ask(api, "DELETE", f"/{POISON}")
    jobs.let_time_pass(settings.retention_seconds + 1)

    assert jobs.find(POISON) is None


def test_a_dropped_job_cannot_be_redriven(api: Api, jobs: TimedRedisJobStore) -> None:
    set_aside(jobs, job_spec(POISON))
    ask(api, "DELETE", f"/{POISON}")

    response = ask(api, "POST", f"/{POISON}/redrive")

    assert (response.status_code, document_of(response)["code"]) == (404, "not_in_quarantine")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/redrive")],
    ids=["show", "drop", "redrive"],
)
def test_a_job_that_is_not_in_quarantine_is_not_found(api: Api, method: str, path: str) -> None:
    response = ask(api, method, f"/{POISON}{path}")

    assert (response.status_code, document_of(response)["code"]) == (404, "not_in_quarantine")


def test_a_cursor_that_is_none_of_ours_is_malformed(api: Api) -> None:
    response = ask(api, "GET", cursor="tomorrow")

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("GET", f"/{POISON}"), ("DELETE", f"/{POISON}"), ("POST", f"/{POISON}/redrive")],
    ids=["list", "show", "drop", "redrive"],
)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {TOKEN}"], ids=["none", "wrong", "not bearer"])
def test_nobody_without_the_token_sees_or_changes_anything(
    api: Api, jobs: TimedRedisJobStore, method: str, path: str, authorization: str | None
) -> None:
    set_aside(jobs, job_spec(POISON))
    headers = {"Authorization": authorization} if authorization else {}

    response = api.client.open(f"/v1/quarantine{path}", method=method, headers=headers)

    assert (response.status_code, document_of(response)["code"]) == (401, "key_required")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert len(document_of(ask(api, "GET"))["data"]) == 1


def test_without_a_token_of_the_deployment_nobody_is_an_operator(make_api: ApiMaker) -> None:
    response = make_api().client.get("/v1/quarantine", headers={"Authorization": "Bearer "})

    assert response.status_code == 401


def set_aside_chunk(jobs: TimedRedisJobStore, batches: TimedRedisBatchStore) -> None:
    """A batch of three chunks: the first is done, the second killed its workers, the third waited in the queue."""
    spec = batch_spec(BATCH)
    batches.accept(spec, split_job(spec))
    batches.note_chunks(BATCH, [chunk(0), chunk(1), chunk(2)], rows_total=30)
    jobs.claim([split_job(spec).id], "t")
    batches.record_part(BATCH, 0, part("t1"))
    jobs.accept([chunk_job(spec, 2)])
    set_aside(jobs, chunk_job(spec, 1))


def test_the_batch_of_a_redriven_chunk_is_taken_up_again(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    set_aside_chunk(jobs, batches)

    response = ask(api, "POST", f"/{BATCH}.chunk.1/redrive")

    batch = batches.find(BATCH)
    missing = [chunk_job(batch_spec(BATCH), index) for index in (1, 2)]
    assert batch is not None
    assert document_of(response)["redriven_as"] == BATCH
    assert response.headers["Location"] == f"/v1/batches/{BATCH}"
    assert (batch.status, batch.error, batch.rows_done) == (BatchStatus.RUNNING, None, 10)
    assert api.broker.sent == [[step] for step in missing]
    assert [jobs.find(step.id) is not None for step in missing] == [True, True]
    assert document_of(ask(api, "GET"))["data"] == []


def test_a_batch_that_was_taken_up_again_completes(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    set_aside_chunk(jobs, batches)
    ask(api, "POST", f"/{BATCH}.chunk.1/redrive")

    batches.record_part(BATCH, 1, part("t2"))
    batches.record_part(BATCH, 2, part("t3"))

    batch = batches.find(BATCH)
    assert batch is not None
    assert (batch.status, batch.rows_done) == (BatchStatus.COMPLETED, 30)


def test_a_step_begins_anew_when_its_batch_is_taken_up_again(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    set_aside_chunk(jobs, batches)

    ask(api, "POST", f"/{BATCH}.chunk.1/redrive")

    job = jobs.find(f"{BATCH}.chunk.1")
    assert job is not None
    assert (job.status, job.attempt) == (JobStatus.QUEUED, 0)


def test_a_split_that_was_set_aside_is_done_again(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    spec = batch_spec(BATCH)
    batches.accept(spec, split_job(spec))
    batches.note_chunks(BATCH, [chunk(0)], rows_total=None)
    set_aside(jobs, split_job(spec))

    ask(api, "POST", f"/{BATCH}.split/redrive")

    assert api.broker.sent == [[split_job(spec)], [chunk_job(spec, 0)]]


def test_a_mend_that_was_set_aside_is_done_again_and_nothing_else(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    spec = batch_spec(BATCH)
    batches.accept(spec, split_job(spec))
    batches.note_chunks(BATCH, [chunk(0)], rows_total=10)
    batches.record_part(BATCH, 0, part("t1"))
    batches.accept_mend(spec, 1, Mend("m1", csv_layout().dialect, (0, 1), 2, 3), mend_job(spec, 1))
    set_aside(jobs, mend_job(spec, 1))

    ask(api, "POST", f"/{BATCH}.mend.1/redrive")

    assert api.broker.sent == [[mend_job(spec, 1)]]


def test_a_batch_that_ended_for_another_reason_is_not_taken_up_again(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    spec = batch_spec(BATCH)
    batches.accept(spec, split_job(spec))
    canceled = BatchError(BatchErrorCode.CANCELED, "")
    assert batches.end(BATCH, BatchStatus.CANCELED, canceled) is EndVerdict.ENDED
    set_aside(jobs, split_job(spec))

    response = ask(api, "POST", f"/{BATCH}.split/redrive")

    assert (response.status_code, document_of(response)["code"]) == (409, "already_final")
    assert api.broker.sent == []


def test_a_batch_that_is_gone_is_not_taken_up_again(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore
) -> None:
    set_aside(jobs, split_job(batch_spec(BATCH)))

    response = ask(api, "POST", f"/{BATCH}.split/redrive")

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def test_a_dropped_step_lets_its_batch_go_after_the_usual_time(
    api: Api, jobs: TimedRedisJobStore, batches: TimedRedisBatchStore, settings: Settings
) -> None:
    set_aside_chunk(jobs, batches)
    batches.let_time_pass(settings.retention_seconds + 1)
    kept = batches.sweep()

    ask(api, "DELETE", f"/{BATCH}.chunk.1")
    batches.let_time_pass(2)

    assert kept == []
    assert batches.sweep() == [BATCH]
