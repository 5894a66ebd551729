"""What the sweeper does for batches: nothing is promised for ever, and nothing is kept for ever."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis

from shared.batch_files import input_key, result_key
from shared.batch_jobs import mend_job, split_job
from shared.batch_store import CANCELED, REPLACED_SECONDS
from shared.batches import BatchSpec, BatchStatus
from shared.errors import DependencyError, FileStoreUnavailable, StoreUnavailable
from shared.file_store import LocalFileStore
from shared.settings import Settings
from tests.builders import batch_spec, chunk, job_spec, mend, part
from tests.fakes import FakeBroker, FakeJobStore, TimedRedisBatchStore
from worker.housekeeping import ORPHAN_SECONDS, ORPHANS_INTERVAL_SECONDS, Housekeeping
from worker.sweeper import Sweeper


class FilesAway(LocalFileStore):
    """A file store that does not answer."""

    def delete_folder(self, prefix: str) -> None:
        raise FileStoreUnavailable


class ForgetfulStore(TimedRedisBatchStore):
    """A store that goes away before a batch is forgotten."""

    def forget(self, batch_id: str) -> None:
        raise StoreUnavailable


@pytest.fixture
def files(tmp_path: Path) -> LocalFileStore:
    return LocalFileStore(tmp_path)


@pytest.fixture
def housekeeping(batches: TimedRedisBatchStore, files: LocalFileStore) -> Housekeeping:
    return Housekeeping(batches, files)


def accept(
    batches: TimedRedisBatchStore, files: LocalFileStore, batch_id: str = "bat_a", **overrides: object
) -> BatchSpec:
    """Accept a batch of two chunks that has its input and one result."""
    spec = batch_spec(batch_id, **overrides)
    for key in (input_key(batch_id), result_key(batch_id, 0, "t1")):
        with files.open_writer(key) as writer:
            writer.write(b"181,44\n")
    batches.accept(spec, split_job(spec))
    batches.note_chunks(batch_id, [chunk(0), chunk(1)], rows_total=20)
    return spec


def cancel(batches: TimedRedisBatchStore, batch_id: str = "bat_a") -> None:
    batches.end(batch_id, BatchStatus.CANCELED, CANCELED)


def status_of(batches: TimedRedisBatchStore, batch_id: str = "bat_a") -> BatchStatus | None:
    batch = batches.find(batch_id)
    return batch.status if batch else None


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_batch_past_its_deadline_expires(
    housekeeping: Housekeeping, batches: TimedRedisBatchStore, redis: Redis, settings: Settings
) -> None:
    spec = batch_spec(deadline_seconds=90.0)
    batches.accept(spec, split_job(spec))
    batches.let_time_pass(91)

    housekeeping.run()

    assert redis.hget(f"{settings.key_root}batch:bat_a", "status") == b"expired"


def test_a_batch_past_its_retention_is_deleted_with_its_files(
    housekeeping: Housekeeping, batches: TimedRedisBatchStore, files: LocalFileStore, tmp_path: Path
) -> None:
    accept(batches, files)
    cancel(batches)
    batches.let_time_pass(86_401)

    housekeeping.run()

    assert (status_of(batches), files_in(tmp_path)) == (None, ["batches"])


def test_a_batch_goes_with_its_files_as_soon_as_its_client_wants(
    housekeeping: Housekeeping, batches: TimedRedisBatchStore, files: LocalFileStore, tmp_path: Path
) -> None:
    accept(batches, files, retain_seconds=60)
    cancel(batches)
    batches.let_time_pass(59)
    housekeeping.run()
    before = files.size(input_key("bat_a"))
    batches.let_time_pass(2)

    housekeeping.run()

    assert (before, status_of(batches), files_in(tmp_path)) == (7, None, ["batches"])


def test_only_what_is_past_its_retention_is_deleted(
    housekeeping: Housekeeping, batches: TimedRedisBatchStore, files: LocalFileStore
) -> None:
    accept(batches, files, "bat_old")
    cancel(batches, "bat_old")
    batches.let_time_pass(86_401)
    accept(batches, files, "bat_new")
    cancel(batches, "bat_new")

    housekeeping.run()

    assert status_of(batches, "bat_new") is BatchStatus.CANCELED
    assert files.size(input_key("bat_new")) == 7


class Clock:
    """Goes on only when it is told to; files are as old as it says."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def store_upload(files: LocalFileStore, batch_id: str) -> None:
    """Do what an API process does that dies before it writes the record."""
    with files.open_writer(input_key(batch_id)) as writer:
        writer.write(b"181,44\n")


def test_an_upload_whose_record_was_never_written_is_deleted(
    batches: TimedRedisBatchStore, files: LocalFileStore, tmp_path: Path
) -> None:
    clock = Clock()
    housekeeping = Housekeeping(batches, files, clock)
    store_upload(files, "bat_lost")
    accept(batches, files, "bat_kept")
    clock.now += ORPHAN_SECONDS + 1

    housekeeping.run()
    found_at_the_first_look = files_in(tmp_path)
    clock.now += ORPHANS_INTERVAL_SECONDS
    housekeeping.run()

    assert "batches/bat_lost/input.csv" in found_at_the_first_look
    assert {path.split("/")[1] for path in files_in(tmp_path)[1:]} == {"bat_kept"}


def test_an_upload_that_got_its_record_after_the_first_look_is_kept(
    batches: TimedRedisBatchStore, files: LocalFileStore
) -> None:
    clock = Clock()
    housekeeping = Housekeeping(batches, files, clock)
    store_upload(files, "bat_a")
    clock.now += ORPHAN_SECONDS + 1
    housekeeping.run()
    accept(batches, files)
    clock.now += ORPHANS_INTERVAL_SECONDS

    housekeeping.run()

    assert files.size(input_key("bat_a")) == 7


def test_an_upload_that_is_under_way_is_kept(batches: TimedRedisBatchStore, files: LocalFileStore) -> None:
    clock = Clock()
    housekeeping = Housekeeping(batches, files, clock)
    with files.open_writer(input_key("bat_a")) as writer:
        writer.write(b"181,44\n")
        clock.now += ORPHANS_INTERVAL_SECONDS
        housekeeping.run()
        clock.now += ORPHANS_INTERVAL_SECONDS
        housekeeping.run()

    assert files.size(input_key("bat_a")) == 7


def test_a_replaced_part_is_deleted_once_nobody_reads_it(
    housekeeping: Housekeeping, batches: TimedRedisBatchStore, files: LocalFileStore, tmp_path: Path
) -> None:
    spec = accept(batches, files)
    for index in (0, 1):
        batches.record_part("bat_a", index, part("t1"))
    assert batches.accept_mend(spec, 1, mend(), mend_job(spec, 1)) == "ok"
    batches.replace_part("bat_a", 0, "t1", part("t2"))

    housekeeping.run()
    kept = files_in(tmp_path)
    batches.let_time_pass(REPLACED_SECONDS + 1)
    housekeeping.run()

    assert "batches/bat_a/parts/00000000-t1/results.csv" in kept
    assert files_in(tmp_path)[-1] == "batches/bat_a/parts"
    assert batches.replaced_parts() == []


def test_a_batch_whose_files_cannot_be_deleted_keeps_its_record(
    batches: TimedRedisBatchStore, files: LocalFileStore, tmp_path: Path
) -> None:
    accept(batches, files)
    cancel(batches)
    batches.let_time_pass(86_401)

    with pytest.raises(FileStoreUnavailable):
        Housekeeping(batches, FilesAway(tmp_path)).run()

    assert status_of(batches) is BatchStatus.CANCELED


def test_a_deletion_that_was_interrupted_is_taken_up_again(
    housekeeping: Housekeeping, batches: TimedRedisBatchStore, files: LocalFileStore, redis: Redis, settings: Settings
) -> None:
    accept(batches, files)
    cancel(batches)
    batches.let_time_pass(86_401)
    with pytest.raises(StoreUnavailable):
        Housekeeping(ForgetfulStore(redis, settings), files).run()

    housekeeping.run()

    assert status_of(batches) is None


def test_a_file_store_that_is_away_does_not_keep_lost_messages_from_being_sent_again(
    batches: TimedRedisBatchStore, files: LocalFileStore, redis: Redis, settings: Settings, tmp_path: Path
) -> None:
    jobs, broker = FakeJobStore(settings), FakeBroker()
    accept(batches, files)
    cancel(batches)
    batches.let_time_pass(86_401)
    jobs.accept([job_spec("prd_a")])
    jobs.let_time_pass(3)
    sweeper = Sweeper(jobs, broker, redis, settings, Housekeeping(batches, FilesAway(tmp_path)))

    with suppress(DependencyError):
        sweeper.sweep()

    assert broker.sent == [[job_spec("prd_a")]]
