"""Which ids prove that this service gave them out."""

import hashlib
import re
from collections.abc import Callable

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from api.ids import JobIds
from shared.errors import StoreUnavailable
from shared.settings import Settings


@pytest.fixture
def ids(redis: Redis, settings: Settings) -> JobIds:
    return JobIds(redis, settings)


def with_one_change(job_id: str, position: int) -> str:
    """Return the id with another character of the same alphabet at one position."""
    other = "b" if job_id[position] == "a" else "a"
    return job_id[:position] + other + job_id[position + 1 :]


def test_an_id_is_safe_in_a_path(ids: JobIds) -> None:
    assert re.fullmatch("prd_[0-9a-f]{40}", ids.new())


def test_no_id_is_given_out_twice(ids: JobIds) -> None:
    given_out = [ids.new() for _ in range(1_000)]

    assert len(set(given_out)) == 1_000


def test_an_id_is_recognized_by_the_process_that_gave_it_out(ids: JobIds) -> None:
    assert ids.is_ours(ids.new())


def test_an_id_is_recognized_by_another_process_on_the_same_store(
    ids: JobIds, redis: Redis, settings: Settings
) -> None:
    another = JobIds(redis, settings)

    assert another.is_ours(ids.new())


def test_two_processes_that_start_together_agree(redis: Redis, settings: Settings) -> None:
    first, second = JobIds(redis, settings), JobIds(redis, settings)
    from_first, from_second = first.new(), second.new()

    assert (first.is_ours(from_second), second.is_ours(from_first)) == (True, True)


def test_an_id_is_recognized_for_its_owner(ids: JobIds) -> None:
    assert ids.is_ours(ids.new(owner="ada"), owner="ada")


@pytest.mark.parametrize(
    ("given_to", "asked_for"),
    [("ada", "bob"), ("ada", ""), ("", "ada"), ("ada", "ad")],
    ids=lambda owner: owner or "nobody",
)
def test_an_id_of_another_owner_is_as_unknown_as_one_never_given_out(
    ids: JobIds, given_to: str, asked_for: str
) -> None:
    assert not ids.is_ours(ids.new(owner=given_to), owner=asked_for)


def test_an_id_without_an_owner_is_recognized_by_a_release_that_knew_none(
    ids: JobIds, redis: Redis, settings: Settings
) -> None:
    given = bytes.fromhex(ids.new().removeprefix("prd_"))

    key = redis.get(f"{settings.key_root}id_key")

    assert isinstance(key, bytes)
    assert given[16:] == hashlib.blake2b(given[:16], key=key, digest_size=4).digest()


def test_an_id_of_another_deployment_is_not_ours(ids: JobIds, redis: Redis, settings: Settings) -> None:
    another = JobIds(redis, settings.model_copy(update={"key_prefix": f"{settings.key_prefix}-other"}))

    assert not ids.is_ours(another.new())


@pytest.mark.parametrize("position", [4, 20, 29, 30, 35], ids=lambda position: f"character {position}")
def test_an_id_with_one_changed_character_is_not_ours(ids: JobIds, position: int) -> None:
    assert not ids.is_ours(with_one_change(ids.new(), position))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(str.upper, id="upper case"),
        pytest.param(lambda job_id: "prd_" + job_id[4:].upper(), id="upper case after the prefix"),
        pytest.param(lambda job_id: job_id[:-1], id="too short"),
        pytest.param(lambda job_id: f"{job_id}a", id="too long"),
        pytest.param(lambda job_id: f"{job_id}========", id="padded"),
        pytest.param(lambda job_id: job_id.removeprefix("prd_"), id="no prefix"),
        pytest.param(lambda job_id: job_id.replace("prd_", "bat_"), id="another prefix"),
        pytest.param(lambda job_id: f"{job_id[:-1]}g", id="a letter that is no digit"),
        pytest.param(lambda job_id: f"{job_id[:-1]}\u00e9", id="a letter outside the alphabet"),
        pytest.param(lambda job_id: f"{job_id}\n", id="a line break"),
    ],
)
def test_another_spelling_of_an_id_is_not_ours(ids: JobIds, spoil: Callable[[str], str]) -> None:
    assert not ids.is_ours(spoil(ids.new()))


@pytest.mark.parametrize("text", ["", "prd_", "prd_" + "a" * 32, "prd_" + "0" * 32, "prd_" + "=" * 32, "x" * 10_000])
def test_garbage_is_not_ours(ids: JobIds, text: str) -> None:
    assert not ids.is_ours(text)


def test_a_digit_of_another_script_is_not_ours(ids: JobIds) -> None:
    given = ids.new()

    assert not ids.is_ours(given.translate({ord(digit): 0x660 + int(digit) for digit in "0123456789"}))


def test_no_id_is_given_out_before_the_key_is_known(settings: Settings) -> None:
    away = Redis(unix_socket_path="/nowhere/store.sock", retry=Retry(NoBackoff(), 0))

    with pytest.raises(StoreUnavailable):
        JobIds(away, settings).new()
