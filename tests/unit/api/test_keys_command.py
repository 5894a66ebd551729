"""The command `python -m api.keys`: the first key needs no other."""

import re

import pytest
from redis import Redis

from api import keys as command
from api.callers import Scope
from api.key_store import RedisKeys
from shared.settings import Settings


@pytest.fixture
def keys(redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> RedisKeys:
    """The keys of the deployment that the environment names."""
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    return RedisKeys(redis, settings)


def test_a_key_is_printed_alone_so_that_a_shell_can_take_it(
    keys: RedisKeys, capsys: pytest.CaptureFixture[str]
) -> None:
    status = command.main(["create", "first", "--scope", "admin", "--scope", "predict"])

    printed = capsys.readouterr()
    key = keys.find_valid(printed.out.removesuffix("\n"))
    assert status == 0
    assert key is not None
    assert (key.name, key.expires_at) == ("first", None)
    assert key.scopes == {Scope.ADMIN, Scope.PREDICT}
    assert printed.out.strip() not in printed.err


def test_a_key_takes_the_place_of_another(keys: RedisKeys) -> None:
    command.main(["create", "newer", "--scope", "predict", "--owner", "ada", "--days", "90"])

    (key,) = keys.list()
    assert key.expires_at is not None
    assert (key.owner, round(key.expires_at - key.created_at)) == ("ada", 90 * 86_400)


def test_a_key_has_a_rate_of_its_own(keys: RedisKeys, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["create", "fast", "--scope", "predict", "--rate", "0.5"])
    command.main(["create", "free", "--scope", "predict", "--rate", "0"])

    fast, free = keys.list()
    assert (fast.requests_per_second, free.requests_per_second) == (0.5, 0.0)
    described = capsys.readouterr().err
    assert "predict  at most 0.5/s  until revoked" in described
    assert "predict  at any rate  until revoked" in described


def test_the_list_says_who_may_do_what_until_when(keys: RedisKeys, capsys: pytest.CaptureFixture[str]) -> None:
    used, _ = keys.create("used", scopes=[Scope.PREDICT, Scope.BATCH], owner="ada", valid_seconds=60)
    keys.create("unused", scopes=[Scope.ADMIN])
    keys.note_use(used.id)

    status = command.main(["list"])

    first, second = capsys.readouterr().out.splitlines()
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert status == 0
    assert re.fullmatch(f"{used.id}  'used'  owner 'ada'  batch,predict  until {moment}  last used {moment}", first)
    assert second.endswith("admin  until revoked  never used")


def test_a_key_is_revoked_by_its_id(keys: RedisKeys) -> None:
    key, text = keys.create("billing", scopes=[Scope.PREDICT])

    assert (command.main(["revoke", key.id]), keys.find_valid(text)) == (0, None)


def test_an_unknown_key_cannot_be_revoked(keys: RedisKeys, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["revoke", "a" * 16]) == 1
    assert "no key" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["create", "first"],
        ["create", "first", "--scope", "all"],
        ["create", "", "--scope", "admin"],
        ["create", "first", "--scope", "admin", "--owner", "a\nb"],
        ["create", "first", "--scope", "admin", "--days", "0"],
        ["create", "first", "--scope", "admin", "--days", "soon"],
        ["create", "first", "--scope", "admin", "--rate", "20000"],
        ["create", "first", "--scope", "admin", "--rate", "fast"],
    ],
    ids=[
        "nothing",
        "no scope",
        "unknown scope",
        "no name",
        "bad owner",
        "no days",
        "days of no number",
        "too fast",
        "rate of no number",
    ],
)
def test_what_makes_no_sense_makes_no_key(keys: RedisKeys, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)

    assert (ended.value.code, keys.list()) == (2, [])


def test_a_store_that_is_away_is_said_to_be_so(
    keys: RedisKeys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROWCALL_REDIS_URL", "redis://127.0.0.1:1")

    assert command.main(["list"]) == 1
    assert "ROWCALL_REDIS_URL" in capsys.readouterr().err


def test_bad_settings_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ROWCALL_PORT", "none")

    assert command.main(["list"]) == 78
    assert "ROWCALL_PORT" in capsys.readouterr().err
