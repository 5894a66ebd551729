"""Following a job or batch: every event once, over as many connections as it takes."""

import httpx2
import pytest

from rowcall_client import AnswerNotUnderstood, BatchStatus, ProblemError, RowcallClient, Status
from tests.unit.client.client.conftest import HELLO, Make, Script, answer, event, queued, stream


def test_events_are_told_in_order_and_end_with_the_job(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [stream(HELLO, queued(), ": still here\n\n", event("completed", "0-1-2", succeeded_job()))]

    first, last = client.events("prd_1")

    assert script.asked == ["GET /v1/predictions/prd_1/events"]
    assert (first.name, first.id, first.data, first.prediction) == ("queued", "0-0-0", {"id": "prd_1"}, None)
    assert last.prediction is not None
    assert (last.name, last.prediction.status) == ("completed", Status.SUCCEEDED)


def test_a_stream_that_ends_early_is_taken_up_after_the_last_event(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [stream(HELLO, queued()), stream(event("completed", "0-1-2", succeeded_job()))]

    events = list(client.events("prd_1"))

    assert [event.name for event in events] == ["queued", "completed"]
    assert [request.headers.get("Last-Event-ID") for request in script.requests] == [None, "0-0-0"]
    assert script.pauses[0] == 1.5


def test_an_event_without_an_id_is_not_where_a_stream_is_taken_up(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    progress = event("progress", None, {"id": "prd_1", "queue": {"position": 3, "eta_seconds": 1.0}})
    script.answers = [stream(queued(), progress), stream(event("completed", "0-1-2", succeeded_job()))]

    events = list(client.events("prd_1"))

    assert [(event.name, event.id) for event in events[:2]] == [("queued", "0-0-0"), ("progress", "")]
    assert script.requests[1].headers["Last-Event-ID"] == "0-0-0"


def test_a_caller_who_saw_some_events_is_told_the_others(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [stream(event("completed", "0-1-2", succeeded_job()))]

    list(client.events("prd_1", last_event_id="0-1-1"))

    assert script.requests[0].headers["Last-Event-ID"] == "0-1-1"


def test_passing_trouble_is_sat_out(client: RowcallClient, script: Script, succeeded_job: Make) -> None:
    done = event("completed", "0-1-2", succeeded_job())
    script.answers = [httpx2.ConnectError("refused"), httpx2.Response(503), httpx2.ReadError("reset"), stream(done)]

    events = list(client.events("prd_1"))

    assert len(events) == 1
    assert script.pauses[:3] == [1.0, 2.0, 4.0]


def test_a_stream_that_does_not_get_on_is_given_up(client: RowcallClient, script: Script) -> None:
    script.answers = [httpx2.Response(503) for _ in range(6)]

    with pytest.raises(ProblemError):
        list(client.events("prd_1"))

    assert script.answers == []


def test_an_unknown_job_has_no_events(client: RowcallClient, script: Script, problem: Make) -> None:
    script.answers = [answer(problem(404, "prediction_not_found"), 404)]

    with pytest.raises(ProblemError, match="prediction_not_found"):
        list(client.events("prd_9"))

    assert script.pauses == []


@pytest.mark.parametrize(
    "strange", [answer({"status": "fine"}), stream("event: queued\ndata: hello\n\n")], ids=["no stream", "no document"]
)
def test_a_stream_of_another_service_is_recognized(
    client: RowcallClient, script: Script, strange: httpx2.Response
) -> None:
    script.answers = [strange]

    with pytest.raises(AnswerNotUnderstood):
        list(client.events("prd_1"))


def test_a_stream_may_be_silent_for_longer_than_another_answer(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [stream(event("completed", "0-1-2", succeeded_job()))]

    list(client.events("prd_1"))

    assert script.requests[0].extensions["timeout"]["read"] == 40.0


def test_every_event_of_a_batch_tells_all_of_it(
    client: RowcallClient, script: Script, batch: Make, completed_batch: Make
) -> None:
    script.answers = [stream(event("progress", "0-1-4", batch()), event("completed", "0-3-10", completed_batch()))]

    events = list(client.batch_events("bat_1"))

    batches = [event.batch for event in events if event.batch]
    assert script.asked == ["GET /v1/batches/bat_1/events"]
    assert [batch.status for batch in batches] == [BatchStatus.RUNNING, BatchStatus.COMPLETED]
