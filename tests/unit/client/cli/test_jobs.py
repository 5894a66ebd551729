"""The commands `rowcall submit`, `get` and `cancel`: one job, followed to its end."""

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
