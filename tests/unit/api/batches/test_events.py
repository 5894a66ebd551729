"""What a client sees of a batch as a stream of events."""

import json
from collections.abc import Sequence
from typing import Any

from werkzeug.test import TestResponse

from tests.unit.api.batches.conftest import StoreWithABusyWorker, completed, get, running, submitted
from tests.unit.api.conftest import Api, ApiMaker, document_of


def events_of(response: TestResponse) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return name and document of each event."""
    blocks = [block.split("\n") for block in response.text.split("\n\n") if "data: " in block]
    return [(lines[0].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))) for lines in blocks]


def test_the_events_of_a_completed_batch_are_its_end(api: Api) -> None:
    batch_id = completed(api)

    response = get(api, batch_id, "/events")

    assert (response.status_code, response.mimetype) == (200, "text/event-stream")
    assert events_of(response) == [("completed", document_of(get(api, batch_id)))]


def test_the_events_of_a_running_batch_end_with_its_end(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithABusyWorker)
    batch_id = submitted(api)
    api.batches.note_chunks(batch_id, [], rows_total=None)

    events = events_of(get(api, batch_id, "/events"))

    assert [(name, document["status"]) for name, document in events] == [
        ("progress", "running"),
        ("completed", "completed"),
    ]


def test_events_end_with_the_longest_wait_so_that_the_client_connects_again(make_api: ApiMaker) -> None:
    api = make_api(max_wait_seconds=0.05)

    response = get(api, submitted(api), "/events")

    assert [name for name, _document in events_of(response)] == ["progress"]
    assert response.text.startswith("retry: ")


def test_events_end_after_the_first_when_too_many_clients_wait(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    batch_id = running(api)

    with api.waiters.room():
        events = events_of(get(api, batch_id, "/events"))

    assert [(name, document["status"]) for name, document in events] == [("progress", "running")]
