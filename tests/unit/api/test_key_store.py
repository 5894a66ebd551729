"""Keys in the store: only a hash of each, and nothing that tells one that is not valid from another."""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from api.callers import Callers, Scope
from api.key_store import ApiKey, RedisKeys
from shared.errors import KeyRequired, StoreUnavailable
from shared.settings import Settings
from tests.unit.api.conftest import Clock

PREDICT = frozenset({Scope.PREDICT})


@pytest.fixture
def clock() -> Clock:
    return Clock(1_700_000_000.0)


@pytest.fixture
def keys(redis: Redis, settings: Settings, clock: Clock) -> RedisKeys:
    return RedisKeys(redis, settings, clock)


def test_a_new_key_is_found_by_its_text(keys: RedisKeys) -> None:
    key, text = keys.create("billing", scopes=PREDICT)

    assert keys.find_valid(text) == key


def test_a_key_shows_what_it_is_and_carries_256_random_bits(keys: RedisKeys) -> None:
    key, text = keys.create("billing", scopes=PREDICT)

    assert re.fullmatch(f"rck_{key.id}_[0-9a-f]{{64}}", text)


def test_no_two_keys_are_alike(keys: RedisKeys) -> None:
    texts = {keys.create("billing", scopes=PREDICT)[1][-64:] for _ in range(100)}

    assert len(texts) == 100


def test_a_key_keeps_what_it_was_made_with(keys: RedisKeys, clock: Clock) -> None:
    key, _ = keys.create("billing", scopes=[Scope.BATCH, Scope.PREDICT], owner="ada", valid_seconds=60)

    scopes = frozenset({Scope.PREDICT, Scope.BATCH})
    assert key == ApiKey(key.id, "billing", "ada", scopes, clock.now, clock.now + 60)
    assert keys.list() == [key]


def test_a_key_has_an_owner_of_its_own_unless_it_is_named(keys: RedisKeys) -> None:
    first, _ = keys.create("billing", scopes=PREDICT)
    second, _ = keys.create("billing", scopes=PREDICT)

    assert (first.owner, second.owner) == (first.id, second.id)
    assert first.owner != second.owner


def revoked(keys: RedisKeys, _clock: Clock) -> str:
    key, text = keys.create("billing", scopes=PREDICT)
    keys.revoke(key.id)
    return text


def expired(keys: RedisKeys, clock: Clock) -> str:
    _, text = keys.create("billing", scopes=PREDICT, valid_seconds=60)
    clock.now += 60
    return text


def with_another_secret(keys: RedisKeys, _clock: Clock) -> str:
    _, text = keys.create("billing", scopes=PREDICT)
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def with_the_id_of_another(keys: RedisKeys, _clock: Clock) -> str:
    (first, _), (_, second) = (keys.create("billing", scopes=PREDICT) for _ in range(2))
    return f"rck_{first.id}_{second[-64:]}"


@pytest.mark.parametrize(
    "make",
    [
        revoked,
        expired,
        with_another_secret,
        with_the_id_of_another,
        lambda _keys, _clock: f"rck_{'a' * 16}_{'a' * 64}",
        lambda _keys, _clock: "",
        lambda _keys, _clock: "x" * 100_000,
        lambda keys, _clock: keys.create("billing", scopes=PREDICT)[1].upper(),
        lambda keys, _clock: keys.create("billing", scopes=PREDICT)[1] + "\n",
    ],
    ids=["revoked", "expired", "secret", "id of another", "unknown", "empty", "long", "upper case", "line feed"],
)
def test_what_is_no_valid_key_is_not_found(
    keys: RedisKeys, clock: Clock, make: Callable[[RedisKeys, Clock], str]
) -> None:
    assert keys.find_valid(make(keys, clock)) is None


@pytest.fixture
def steps(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done that takes time: commands to the store, hashes and comparisons, in their order."""
    done: list[str] = []

    def noted(name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def do_and_note(*args: Any, **options: Any) -> Any:
            done.append(name)
            return do(*args, **options)

        return do_and_note

    execute = redis.execute_command
    monkeypatch.setattr(redis, "execute_command", lambda *args, **options: noted(args[0], execute)(*args, **options))
    monkeypatch.setattr(hashlib, "sha256", noted("sha256", hashlib.sha256))
    monkeypatch.setattr(hmac, "compare_digest", noted("compare_digest", hmac.compare_digest))
    return done


@pytest.mark.parametrize(
    "make",
    [
        lambda _keys, _clock: f"rck_{'a' * 16}_{'a' * 64}",
        revoked,
        expired,
        with_another_secret,
        with_the_id_of_another,
        lambda keys, _clock: keys.create("billing", scopes=PREDICT)[1],
    ],
    ids=["unknown", "revoked", "expired", "secret", "id of another", "valid"],
)
def test_a_key_takes_the_same_steps_whatever_is_wrong_with_it(
    keys: RedisKeys, clock: Clock, steps: list[str], make: Callable[[RedisKeys, Clock], str]
) -> None:
    text = make(keys, clock)
    steps.clear()

    keys.find_valid(text)

    assert steps == ["HGET", "sha256", "compare_digest"]


@pytest.mark.parametrize("make", [revoked, expired, with_another_secret, with_the_id_of_another])
def test_a_caller_is_refused_by_the_same_steps_whatever_is_wrong_with_its_key(
    keys: RedisKeys,
    clock: Clock,
    settings: Settings,
    steps: list[str],
    make: Callable[[RedisKeys, Clock], str],
) -> None:
    asking = {"require_keys": True, "operator_token": SecretStr("an operator's own token")}
    callers = Callers(keys, settings.model_copy(update=asking), clock, clock)
    text = make(keys, clock)
    steps.clear()

    refuse(callers, text)
    taken = list(steps)
    steps.clear()
    refuse(callers, f"rck_{'a' * 16}_{'a' * 64}")

    assert "HGET" in taken
    assert taken == steps


def refuse(callers: Callers, text: str) -> None:
    """Ask as the web server does: first what is remembered, then the store."""
    assert callers.find_known(f"Bearer {text}") is None
    with pytest.raises(KeyRequired):
        callers.get(f"Bearer {text}")


def test_a_key_is_valid_until_its_last_moment(keys: RedisKeys, clock: Clock) -> None:
    _, text = keys.create("billing", scopes=PREDICT, valid_seconds=60)
    clock.now += 59.9

    assert keys.find_valid(text) is not None


def test_a_key_of_another_deployment_is_not_found(keys: RedisKeys, redis: Redis, settings: Settings) -> None:
    another = RedisKeys(redis, settings.model_copy(update={"key_prefix": f"{settings.key_prefix}-other"}))

    assert keys.find_valid(another.create("billing", scopes=PREDICT)[1]) is None


def test_a_key_is_revoked_once(keys: RedisKeys) -> None:
    key, _ = keys.create("billing", scopes=PREDICT)

    assert (keys.revoke(key.id), keys.revoke(key.id), keys.list()) == (True, False, [])


def test_keys_are_listed_the_oldest_first_with_those_that_expired(keys: RedisKeys, clock: Clock) -> None:
    keys.create("first", scopes=PREDICT, valid_seconds=1)
    clock.now += 1
    keys.create("second", scopes=PREDICT)

    assert [key.name for key in keys.list()] == ["first", "second"]


def test_the_last_use_is_listed(keys: RedisKeys, clock: Clock) -> None:
    used, _ = keys.create("used", scopes=PREDICT)
    clock.now += 1
    keys.create("unused", scopes=PREDICT)
    keys.note_use(used.id)

    assert [key.last_used_at for key in keys.list()] == [clock.now, None]


def test_nothing_remains_of_the_uses_of_a_revoked_key(keys: RedisKeys, redis: Redis, settings: Settings) -> None:
    key, _ = keys.create("billing", scopes=PREDICT)
    keys.note_use(key.id)
    keys.revoke(key.id)

    assert list(redis.scan_iter(f"{settings.key_root}*")) == []


def test_the_store_holds_a_hash_and_no_key(keys: RedisKeys, redis: Redis, settings: Settings) -> None:
    key, text = keys.create("billing", scopes=PREDICT)
    keys.find_valid(text)
    keys.note_use(key.id)

    (record,) = redis.hvals(f"{settings.key_root}keys")

    assert isinstance(record, bytes)
    assert text[-64:].encode() not in record
    assert hashlib.sha256(text.encode()).hexdigest().encode() in record


def test_a_use_that_cannot_be_written_down_is_no_failure(settings: Settings) -> None:
    nowhere = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))

    RedisKeys(nowhere, settings).note_use("a" * 16)


def test_a_store_that_is_away_is_no_invalid_key(settings: Settings) -> None:
    nowhere = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))

    with pytest.raises(StoreUnavailable):
        RedisKeys(nowhere, settings).find_valid(f"rck_{'a' * 16}_{'a' * 64}")
