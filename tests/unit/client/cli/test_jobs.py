"""The commands about jobs that exist: `rowcall submit`, `get`, `cancel`, `retry`, `delete`, `list`, `events`."""

import json
from typing import Any

import pytest

from tests.unit.client.cli.conftest import Make, run
from tests.unit.client.scripted_server import ScriptedServer


def test_submit_prints_the_bare_id_and_on_stderr_how_to_follow_it(server: ScriptedServer, job: Make) -> None:
    server.answer(job(queue={"position": 12, "eta_seconds": 0.8}), 202)

    result = run("submit", "height=181")

    assert "prefer" not in server.requests[0].headers
    assert result.stdout == "prd_1\n"
    assert result.stderr == ("queued, position 12, done in about 0.8 s; follow it with: rowcall get prd_1 --wait 30\n")
    assert result.exit_code == 0


def test_submit_prints_warnings_to_stderr(server: ScriptedServer, job: Make) -> None:
    warning = {"pointer": "/input/height", "code": "untypical", "detail": "210 is rare."}
    server.answer(job(warnings=[warning]), 202)

    result = run("submit", "height=210")

    assert result.stderr.startswith("warning: height: 210 is rare.\nqueued; follow it with")
    assert result.stdout == "prd_1\n"


def test_the_way_to_follow_names_a_server_that_was_named(
    server: ScriptedServer, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROWCALL_URL")
    server.answer(job(), 202)

    result = run("submit", "height=181", "--url", server.url)

    assert result.stderr.endswith(f"follow it with: rowcall get prd_1 --wait 30 --url {server.url}\n")


def test_get_prints_how_far_an_unfinished_prediction_is(server: ScriptedServer, job: Make) -> None:
    server.answer(job(status="running", attempt=1))

    result = run("get", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/predictions/prd_1")
    assert (result.stdout, result.exit_code) == ("prd_1  running  gender/1\n", 0)


def test_get_can_wait_until_it_is_finished(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job())

    result = run("get", "prd_1", "--wait", "7")

    assert server.requests[0].headers["prefer"] == "wait=7"
    assert result.stdout.startswith("male  97.0 %")


def test_cancel_prints_that_it_is_canceled(server: ScriptedServer, job: Make) -> None:
    server.answer(job(status="canceled"))

    result = run("cancel", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v1/predictions/prd_1/cancel")
    assert (result.stdout, result.exit_code) == ("prd_1  canceled\n", 0)


def test_cancel_says_when_a_running_prediction_is_still_to_stop(server: ScriptedServer, job: Make) -> None:
    server.answer(job(status="running"), 202)

    result = run("cancel", "prd_1")

    assert (result.stdout, result.exit_code) == ("prd_1  running; it was asked to stop\n", 0)


def test_retry_prints_the_id_to_follow(server: ScriptedServer, job: Make) -> None:
    server.answer(job(), 202)

    result = run("retry", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v1/predictions/prd_1/retry")
    assert result.stdout == "prd_1\n"


def test_delete_prints_that_it_is_gone(server: ScriptedServer) -> None:
    server.answer(b"", 204)

    result = run("delete", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/v1/predictions/prd_1")
    assert (result.stdout, result.exit_code) == ("prd_1  deleted\n", 0)


def test_list_prints_a_line_for_each_and_how_to_go_on(server: ScriptedServer, job: Make) -> None:
    server.answer({"object": "list", "data": [job(), job(id="prd_2", status="failed")], "next_cursor": "12-3"})

    result = run("list", "--status", "failed", "--limit", "2")

    assert server.requests[0].path == "/v1/predictions?status=failed&limit=2"
    assert [line.split()[:3] for line in result.stdout.splitlines()[1:]] == [
        ["prd_1", "queued", "gender/1"],
        ["prd_2", "failed", "gender/1"],
    ]
    assert result.stderr == "There are more: rowcall list --cursor 12-3\n"


def test_a_list_may_be_empty(server: ScriptedServer) -> None:
    server.answer({"object": "list", "data": [], "next_cursor": None})

    assert run("list").stdout == "There are none here.\n"


def answer_events(server: ScriptedServer, completed: dict[str, Any]) -> None:
    started = {"id": "prd_1", "attempt": 1, "at": "2026-03-01T12:00:00.250Z"}
    waiting = {"id": "prd_1", "queue": {"position": 3, "eta_seconds": 1.0}}
    parts = [("progress", "", waiting), ("started", "id: 0-1-1\n", started), ("completed", "id: 0-1-2\n", completed)]
    text = "".join(f"event: {name}\n{own}data: {json.dumps(document)}\n\n" for name, own, document in parts)
    server.answer(text.encode(), Content_Type="text/event-stream")


def test_events_are_printed_as_they_come_and_the_answer_at_the_end(server: ScriptedServer, succeeded_job: Make) -> None:
    answer_events(server, succeeded_job())

    result = run("events", "prd_1")

    first, second, last = result.stdout.splitlines()
    assert (first, second) == ("progress  position 3", "started  attempt 1  2026-03-01T12:00:00.250Z")
    assert last.startswith("male  97.0 %")


def test_events_are_lines_of_json_when_that_is_asked_for(server: ScriptedServer, succeeded_job: Make) -> None:
    answer_events(server, succeeded_job())

    result = run("events", "prd_1", "--json")

    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(event["event"], event["id"]) for event in events] == [
        ("progress", ""),
        ("started", "0-1-1"),
        ("completed", "0-1-2"),
    ]
    assert events[-1]["data"] == succeeded_job()
