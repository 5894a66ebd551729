"""A batch whose record is not whole keeps no other from its turn; somebody else, or another release, wrote it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from shared.batches import BatchStatus
from shared.file_store import LocalFileStore
from shared.settings import Settings
from shared.unreadable import RecordUnreadable
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find
from worker.housekeeping import ORPHAN_SECONDS, ORPHANS_INTERVAL_SECONDS, Housekeeping

CANARY = "canary-7f3a"

Spoil = Callable[[Redis, str], Any]
SPOILS = [
    pytest.param(lambda redis, key: redis.hdel(key, "spec"), id="no spec"),
    pytest.param(lambda redis, key: redis.hset(key, "spec", CANARY), id="a strange spec"),
    pytest.param(lambda redis, key: redis.hset(key, "status", CANARY), id="a strange status"),
    pytest.param(lambda redis, key: redis.hset(key, "rows_done", CANARY), id="a strange count"),
    pytest.param(lambda redis, key: redis.hset(key, "retain", CANARY), id="a strange retention"),
]
each_spoil = pytest.mark.parametrize("spoil", SPOILS)


@pytest.fixture
def key(settings: Settings) -> str:
    return f"{settings.key_root}batch:bat_bad"


@pytest.fixture
def housekeeping(batches: TimedRedisBatchStore, tmp_path: Path) -> Housekeeping:
    return Housekeeping(batches, LocalFileStore(tmp_path / "files"))


@each_spoil
def test_batches_past_their_deadline_expire_beside_one_that_is_not_whole(
    batches: TimedRedisBatchStore, redis: Redis, settings: Settings, key: str, spoil: Spoil
) -> None:
    accept(batches, "bat_bad")
    accept(batches, "bat_good")
    spoil(redis, key)
    batches.let_time_pass(86_401)

    batches.sweep()

    assert find(batches, "bat_good").status is BatchStatus.EXPIRED
    assert redis.zcard(f"{settings.key_root}batch_deadlines") == 0
    assert redis.zscore(f"{settings.key_root}batch_expiry", "bat_bad") is not None


@pytest.mark.parametrize("spoil", [SPOILS[1], SPOILS[2], SPOILS[3]])
def test_a_batch_that_is_not_whole_cannot_be_read_and_the_others_are_listed(
    batches: TimedRedisBatchStore, redis: Redis, key: str, spoil: Spoil, caplog: pytest.LogCaptureFixture
) -> None:
    accept(batches, "bat_bad")
    accept(batches, "bat_good")
    spoil(redis, key)

    with pytest.raises(RecordUnreadable, match="batch bat_bad"):
        batches.find("bat_bad")

    assert [batch.id for batch in batches.page("", limit=10).batches] == ["bat_good"]
    assert "bat_bad" in vars(caplog.records[0])["detail"]
    assert CANARY not in caplog.text


def test_what_is_no_record_of_a_batch_is_none(batches: TimedRedisBatchStore, redis: Redis, key: str) -> None:
    redis.set(key, CANARY)

    assert batches.find("bat_bad") is None


@pytest.mark.parametrize("piece", ["parts", "chunks", "mends"])
def test_pieces_of_a_batch_that_cannot_be_read_are_named_by_their_batch(
    batches: TimedRedisBatchStore, redis: Redis, key: str, piece: str
) -> None:
    accept(batches, "bat_bad")
    redis.hset(f"{key}:{piece}", "0", f'{{"{CANARY}": 1}}')
    reads: dict[str, Callable[[], object]] = {
        "parts": lambda: batches.parts("bat_bad"),
        "chunks": lambda: batches.chunks("bat_bad", [0]),
        "mends": lambda: batches.get_mend("bat_bad", 0),
    }

    with pytest.raises(RecordUnreadable, match="the record of batch bat_bad cannot be read"):
        reads[piece]()


@pytest.mark.parametrize("strange", ["../../outside", "/etc", "", "bat_\0"])
def test_batches_are_deleted_beside_an_id_that_leads_out_of_their_folder(
    batches: TimedRedisBatchStore,
    housekeeping: Housekeeping,
    redis: Redis,
    settings: Settings,
    tmp_path: Path,
    strange: str,
) -> None:
    accept(batches, "bat_good")
    complete(batches, "bat_good")
    batches.let_time_pass(settings.retention_seconds + 1)
    redis.zadd(f"{settings.key_root}batch_expiry", {strange: 1.0})
    (tmp_path / "outside").mkdir()

    housekeeping.run()

    assert batches.find("bat_good") is None
    assert batches.sweep() == []
    assert (tmp_path / "outside").exists()


def test_batches_are_deleted_beside_what_is_no_record(
    batches: TimedRedisBatchStore, housekeeping: Housekeeping, redis: Redis, settings: Settings, key: str
) -> None:
    accept(batches, "bat_good")
    complete(batches, "bat_good")
    batches.let_time_pass(settings.retention_seconds + 1)
    redis.set(key, CANARY)
    redis.zadd(f"{settings.key_root}batch_expiry", {"bat_bad": 1.0})

    housekeeping.run()

    assert (batches.find("bat_good"), redis.exists(key)) == (None, 0)


@pytest.mark.parametrize(
    "note", [CANARY, "[]", "7", '["bat_a", "canary", "t1"]', '["../x",0,"t1"]', '["bat_a", 0, "t2"]']
)
def test_notes_of_replaced_parts_that_say_nothing_are_forgotten(
    batches: TimedRedisBatchStore, housekeeping: Housekeeping, redis: Redis, settings: Settings, note: str
) -> None:
    redis.zadd(f"{settings.key_root}batch_replaced", {note: 1.0, '["bat_a",0,"t1"]': 2.0})

    housekeeping.run()

    assert batches.replaced_parts() == []


def test_files_of_a_batch_that_cannot_be_read_are_left_alone(
    batches: TimedRedisBatchStore, redis: Redis, key: str, tmp_path: Path
) -> None:
    accept(batches, "bat_bad")
    redis.hset(key, "spec", CANARY)
    folder = tmp_path / "batches" / "bat_bad"
    folder.mkdir(parents=True)
    now = folder.stat().st_mtime + ORPHAN_SECONDS + 1
    clock = iter(now + number * (ORPHANS_INTERVAL_SECONDS + 1) for number in range(100))
    housekeeping = Housekeeping(batches, LocalFileStore(tmp_path), clock=lambda: next(clock))

    housekeeping.run()
    housekeeping.run()
    housekeeping.run()

    assert folder.exists()
