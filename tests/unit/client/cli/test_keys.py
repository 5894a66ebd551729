"""The commands `rowcall keys …`, and the key that every other command sends."""

import json

import pytest

from tests.unit.client.cli.conftest import Document, run
from tests.unit.client.scripted_server import ScriptedServer

TEXT = f"rck_{'1' * 16}_{'a' * 64}"
KEY: Document = {
    "id": "1" * 16,
    "object": "key",
    "name": "billing",
    "owner": "ada",
    "scopes": ["batch", "predict"],
    "created_at": "2026-11-28T00:00:00.000000Z",
    "expires_at": "2027-02-26T00:00:00.000000Z",
    "last_used_at": None,
    "requests_per_second": 50,
}
ADMIN: Document = KEY | {"id": "2" * 16, "scopes": ["admin"], "expires_at": None, "requests_per_second": None}
NO_MODELS: Document = {"object": "list", "data": []}


def test_create_prints_the_key_alone_so_that_a_shell_can_take_it(server: ScriptedServer) -> None:
    server.answer(KEY | {"key": TEXT}, 201)

    result = run(
        "keys", "create", "billing", "--scope", "predict", "--scope", "batch", "--owner", "ada", "--days", "90"
    )

    assert result.stdout == f"{TEXT}\n"
    assert "owner ada" in result.stderr
    assert server.requests[0].body == {
        "name": "billing",
        "scopes": ["predict", "batch"],
        "owner": "ada",
        "expires_in_seconds": 7_776_000,
    }


@pytest.mark.parametrize(("text", "sent"), [("50", 50.0), ("0.5", 0.5), ("0", 0.0)], ids=["many", "few", "any"])
def test_a_rate_of_its_own_is_asked_for(server: ScriptedServer, text: str, sent: float) -> None:
    server.answer(KEY | {"key": TEXT}, 201)

    run("keys", "create", "billing", "--scope", "predict", "--rate", text)

    assert server.requests[0].body["requests_per_second"] == sent


def test_a_key_without_a_limit_is_listed_as_that(server: ScriptedServer) -> None:
    server.answer({"object": "list", "data": [KEY | {"requests_per_second": 0}]})

    assert "predict  any   2027" in run("keys", "list").stdout


def test_a_key_of_a_server_without_rates_is_read(server: ScriptedServer) -> None:
    server.answer({"object": "list", "data": [{k: v for k, v in KEY.items() if k != "requests_per_second"}]})

    assert "billing" in run("keys", "list").stdout


def test_a_key_is_never_broken_into_lines(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    server.answer(KEY | {"key": TEXT}, 201)

    assert run("keys", "create", "billing", "--scope", "predict").stdout == f"{TEXT}\n"


def test_json_of_a_new_key_is_its_document(server: ScriptedServer) -> None:
    server.answer(KEY | {"key": TEXT}, 201)

    result = run("keys", "create", "billing", "--scope", "predict", "--json")

    assert json.loads(result.stdout) == KEY | {"key": TEXT}


def test_list_prints_a_table(server: ScriptedServer) -> None:
    server.answer({"object": "list", "data": [KEY, ADMIN]})

    head, first, second = run("keys", "list").stdout.splitlines()

    assert head.split() == ["id", "name", "owner", "scopes", "rate", "expires", "last", "used"]
    assert first.split() == ["1" * 16, "billing", "ada", "batch,", "predict", "50/s", "2027-02-26", "00:00:00", "never"]
    assert second.split()[3:] == ["admin", "never", "never"]


def test_list_says_when_there_is_nothing(server: ScriptedServer) -> None:
    server.answer({"object": "list", "data": []})

    assert run("keys", "list").stdout == "There are no keys.\n"


def test_revoke_says_what_it_did(server: ScriptedServer) -> None:
    server.answer(b"", 204)

    result = run("keys", "revoke", "1" * 16)

    assert result.stdout == f"{'1' * 16}  revoked\n"
    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", f"/v1/keys/{'1' * 16}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "billing"],
        ["create", "billing", "--scope", "all"],
        ["create", "billing", "--scope", "batch", "--days", "0"],
    ],
    ids=["no scope", "unknown scope", "no days"],
)
def test_what_makes_no_sense_is_not_sent(server: ScriptedServer, arguments: list[str]) -> None:
    assert run("keys", *arguments).exit_code == 2
    assert server.requests == []


def test_the_token_of_the_operators_goes_before_the_key(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWCALL_API_KEY", TEXT)
    monkeypatch.setenv("ROWCALL_OPERATOR_TOKEN", "secret of the operators")
    server.answer({"object": "list", "data": []})
    server.answer(NO_MODELS)

    run("keys", "list")
    run("models")

    sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer secret of the operators", f"Bearer {TEXT}"]


def test_the_key_is_sent_from_the_variable(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCALL_API_KEY", f"{TEXT}\n")
    server.answer(NO_MODELS)

    run("models")

    assert server.requests[0].headers["authorization"] == f"Bearer {TEXT}"


def test_the_key_is_sent_from_the_option(server: ScriptedServer) -> None:
    server.answer(NO_MODELS)

    run("--api-key", TEXT, "models")

    assert server.requests[0].headers["authorization"] == f"Bearer {TEXT}"


def test_without_a_key_none_is_sent(server: ScriptedServer) -> None:
    server.answer(NO_MODELS)

    run("models")

    assert "authorization" not in server.requests[0].headers
