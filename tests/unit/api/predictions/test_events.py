"""What a client sees of a job as a stream of events."""

import json
import threading
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api import events
from shared.settings import Settings
from tests.builders import failure, success
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, document_of, finish


def follow(api: Api, path: str, last_id: str | None = None) -> TestResponse:
    return api.client.get(f"{path}/events", headers={"Last-Event-ID": last_id} if last_id else {})


def events_of(response: TestResponse) -> list[tuple[str, str, dict[str, Any]]]:
    """Return name, id and document of each event."""
    blocks = [block for block in response.text.split("\n\n") if "data: " in block]
    fields = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    return [(one["event"], one.get("id", ""), json.loads(one["data"])) for one in fields]


def names(response: TestResponse) -> list[str]:
    return [name for name, _, _ in events_of(response)]


def test_the_events_of_a_final_job_are_all_that_has_happened(api: Api) -> None:
    path = document_of(api.submit(metadata={"order": "4711"}))["urls"]["get"]
    finish(api.jobs, path.rpartition("/")[2], success())

    response = follow(api, path)

    queued, started, completed = events_of(response)
    assert response.mimetype == "text/event-stream"
    assert [queued[0], started[0], completed[0]] == ["queued", "started", "completed"]
    assert completed[2] == document_of(api.client.get(path))
    assert [event[2]["metadata"] for event in (queued, started, completed)] == [{"order": "4711"}] * 3


def test_a_client_that_comes_back_is_told_what_came_after(api: Api) -> None:
    path = api.submit_and_finish(success())
    ids = [event_id for _, event_id, _ in events_of(follow(api, path))]

    assert [names(follow(api, path, last_id)) for last_id in ids] == [["started", "completed"], ["completed"], []]


@pytest.mark.parametrize("last_id", ["x", "1", "9-9", "-1-1-1", "1-1-1-1"])
def test_a_client_that_saw_an_event_of_somebody_else_is_told_all(api: Api, last_id: str) -> None:
    path = api.submit_and_finish(success())

    assert names(follow(api, path, last_id)) == ["queued", "started", "completed"]


def test_a_client_that_saw_the_end_is_told_of_the_retry(api: Api) -> None:
    path = api.submit_and_finish(failure())
    last_id = events_of(follow(api, path))[-1][1]
    api.client.post(f"{path}/retry")
    finish(api.jobs, path.rpartition("/")[2], success())

    assert names(follow(api, path, last_id)) == ["queued", "started", "completed"]


def test_a_stream_ends_with_its_job(make_api: ApiMaker) -> None:
    api = make_api(max_wait_seconds=20.0)
    path = api.submit().headers["Location"]
    threading.Timer(0.2, finish, (api.jobs, path.rpartition("/")[2], success())).start()

    assert names(follow(api, path))[-1] == "completed"


def test_a_stream_ends_with_the_longest_wait_so_that_the_client_connects_again(make_api: ApiMaker) -> None:
    api = make_api(max_wait_seconds=0.05)

    response = follow(api, api.submit().headers["Location"])

    assert response.text.startswith("retry: ")
    assert names(response)[0] == "queued"
    assert "completed" not in names(response)


def test_a_stream_of_a_deleted_job_ends(make_api: ApiMaker) -> None:
    api = make_api(max_wait_seconds=20.0)
    path = api.submit().headers["Location"]
    threading.Timer(0.2, api.client.application.test_client().delete, (path,)).start()

    assert names(follow(api, path)) == ["queued"]


def test_a_silent_stream_says_now_and_then_that_it_lives(make_api: ApiMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.1)
    api = make_api(max_wait_seconds=1.0)

    response = follow(api, api.submit().headers["Location"])

    assert "\n: still here\n" in response.text
    assert ("progress", "", 0) in [
        (name, event_id, document.get("queue", {}).get("position")) for name, event_id, document in events_of(response)
    ]


def test_beyond_the_most_waiting_requests_a_stream_ends_after_what_has_happened(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1, max_wait_seconds=20.0)
    path = api.submit().headers["Location"]

    with api.waiters.room():
        response = follow(api, path)

    assert names(response) == ["queued"]


class CountingStore(FakeJobStore):
    """A store that counts how often it was looked at."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.finds = 0
        self.glances = 0

    def find(self, job_id: str) -> Any:
        self.finds += 1
        return super().find(job_id)

    def glance(self, keys: Any) -> list[str]:
        self.glances += 1
        return super().glance(keys)


def test_streams_do_not_look_at_a_job_that_does_not_change(make_api: ApiMaker) -> None:
    api = make_api(CountingStore, max_wait_seconds=1.2)
    assert isinstance(api.jobs, CountingStore)
    path = api.submit().headers["Location"]

    follow(api, path)

    # Once to begin, once to be sure, once at the end; glances serve all streams together, and look inside this fake.
    assert api.jobs.finds - api.jobs.glances <= 3
