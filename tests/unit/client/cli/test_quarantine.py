"""The commands `rowcall quarantine …`: what operators do with jobs that were set aside."""

import json

import pytest

from tests.unit.client.cli.conftest import Document, run
from tests.unit.client.scripted_server import ScriptedServer

JOB = {
    "id": "prd_1",
    "object": "quarantined_job",
    "model": {"name": "gender", "version": "1", "sha256": "0" * 64},
    "rows": 2,
    "step": None,
    "attempt": 3,
    "error": {"code": "worker_died", "detail": "Every worker died.", "errors": []},
    "created_at": "2026-11-28T00:00:00.000000Z",
    "quarantined_at": "2026-11-28T00:01:00.000000Z",
    "kept_until": "2026-12-05T00:01:00.000000Z",
    "urls": {},
}
CHUNK = JOB | {
    "id": "bat_1.chunk.7",
    "rows": None,
    "step": {"batch_id": "bat_1", "kind": "chunk", "index": 7},
}


def page(*jobs: Document, next_cursor: str | None = None) -> Document:
    return {"object": "list", "data": list(jobs), "next_cursor": next_cursor}


def test_list_prints_a_table(server: ScriptedServer) -> None:
    server.answer(page(JOB, CHUNK))

    result = run("quarantine", "list")

    head, first, second = result.stdout.splitlines()
    assert head.split() == ["id", "model", "what", "since", "kept", "until"]
    assert first.split("  ")[0] == "prd_1"
    assert "2 rows" in first
    assert "2026-11-28 00:01:00" in first
    assert "2026-12-05 00:01:00" in first
    assert "chunk 7 of bat_1" in second


def test_list_says_when_there_is_nothing(server: ScriptedServer) -> None:
    server.answer(page())

    assert run("quarantine", "list").stdout == "Nothing is in quarantine.\n"


def test_list_says_how_to_see_the_next_page(server: ScriptedServer) -> None:
    server.answer(page(JOB, next_cursor="17.5~prd_1"))
    server.answer(page(CHUNK))

    first = run("quarantine", "list")
    run("quarantine", "list", "--cursor", "17.5~prd_1")

    assert first.stderr == "There are more: rowcall quarantine list --cursor 17.5~prd_1\n"
    assert [request.path for request in server.requests] == [
        "/v1/quarantine",
        "/v1/quarantine?cursor=17.5~prd_1",
    ]


def test_show_prints_the_facts_and_the_input_one_record_a_line(server: ScriptedServer) -> None:
    server.answer(JOB | {"input": [{"height": 181}, {"height": 182}], "chunk": None})

    result = run("quarantine", "show", "prd_1")

    lines = result.stdout.splitlines()
    assert lines[0].split() == ["id", "prd_1"]
    assert "Every worker died. (worker_died)" in result.stdout
    assert lines[-2:] == ['{"height": 181}', '{"height": 182}']


@pytest.mark.parametrize(
    ("shown", "line"),
    [({"height": 181}, '{"height": 181}'), ([181.0, 44.0], "[181.0, 44.0]")],
    ids=["one record", "values of a model that is served no more"],
)
def test_show_prints_a_single_record_in_one_line(server: ScriptedServer, shown: object, line: str) -> None:
    server.answer(JOB | {"input": shown, "chunk": None})

    assert run("quarantine", "show", "prd_1").stdout.splitlines()[-1] == line


def test_show_names_the_rows_of_a_chunk(server: ScriptedServer) -> None:
    span = {"first_row": 70_001, "rows": 10_000, "start_byte": 0, "stop_byte": 1}
    server.answer(CHUNK | {"input": None, "chunk": span})

    result = run("quarantine", "show", "bat_1.chunk.7")

    assert server.requests[0].path == "/v1/quarantine/bat_1.chunk.7"
    assert "chunk 7 of bat_1, rows 70,001 to 80,000" in result.stdout


def test_redrive_prints_the_bare_id_to_follow(server: ScriptedServer) -> None:
    server.answer({"id": "prd_1", "object": "redrive", "redriven_as": "prd_2", "urls": {}}, 202)

    result = run("quarantine", "redrive", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v1/quarantine/prd_1/redrive")
    assert (result.stdout, result.exit_code) == ("prd_2\n", 0)


def test_drop_says_that_it_is_gone(server: ScriptedServer) -> None:
    server.answer(b"", 204)

    result = run("quarantine", "drop", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/v1/quarantine/prd_1")
    assert (result.stdout, result.exit_code) == ("prd_1  dropped\n", 0)


@pytest.mark.parametrize(
    ("command", "document"),
    [
        (["list"], page(JOB)),
        (["show", "prd_1"], JOB | {"input": {"height": 181}, "chunk": None}),
        (["redrive", "prd_1"], {"id": "prd_1", "object": "redrive", "redriven_as": "prd_2", "urls": {}}),
    ],
    ids=["list", "show", "redrive"],
)
def test_json_is_the_document_of_the_server(server: ScriptedServer, command: list[str], document: Document) -> None:
    server.answer(document)

    result = run("quarantine", *command, "--json")

    assert json.loads(result.stdout) == document


def test_json_of_a_drop_is_empty(server: ScriptedServer) -> None:
    server.answer(b"", 204)

    result = run("quarantine", "drop", "prd_1", "--json")

    assert (result.stdout, result.exit_code) == ("", 0)


def test_the_token_is_sent_from_the_variable(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCALL_OPERATOR_TOKEN", "secret of the operators")
    server.answer(page())

    run("quarantine", "list")

    assert server.requests[0].headers["authorization"] == "Bearer secret of the operators"


def test_without_the_token_it_says_where_to_give_it(server: ScriptedServer) -> None:
    problem = {"code": "key_required", "title": "Not authorized", "detail": "Send a key."}
    server.answer(problem, 401)

    result = run("quarantine", "list")

    assert "authorization" not in server.requests[0].headers
    assert result.stderr.splitlines() == [
        "error: Send a key. (401 key_required)",
        "  Give it with the variable ROWCALL_API_KEY; an operator, the token with ROWCALL_OPERATOR_TOKEN.",
    ]
    assert result.exit_code == 3
