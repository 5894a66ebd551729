"""BatchStore: the only truth about batches, in the same server as the jobs. Files lie in the file store."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson
from redis import Redis

from shared.batch_records import (
    decode_batch,
    decode_mend,
    encode_batch_error,
    encode_batch_spec,
    encode_replaced,
    pairs,
    read_parts,
    read_replaced,
)
from shared.batches import BatchError, BatchErrorCode, BatchSpec, BatchStatus, Chunk, Mend, OnError, Part, ReplacedPart
from shared.job_lists import PAGE_LOOKS
from shared.job_records import encode_spec
from shared.job_store import run_accepting, store_errors
from shared.job_terms import Earlier, encode_once
from shared.jobs import JobSpec
from shared.queues import Lane
from shared.rates import OnDebt, Rate, ignore_debt, tell_debts
from shared.redis_client import Argument, Script, read_scripts
from shared.settings import Settings
from shared.unreadable import RecordUnreadable, readable
from shared.webhooks import Delivery

log = logging.getLogger(__name__)

#: How long the files of a part that was replaced can still be read: as long as a slow download may take.
REPLACED_SECONDS = 3_600

#: When the files of a deleted batch are looked for again: a worker may still have been writing some.
DELETED_AGAIN_SECONDS = 600

_ABORTED = BatchError(
    BatchErrorCode.ABORTED_ON_ERROR, "A row got no prediction, and on_error=abort was asked for; see the errors."
)
_TOO_MANY = BatchError(
    BatchErrorCode.TOO_MANY_ERRORS, "More rows than max_error_ratio allows got no prediction; see the errors."
)
_EXPIRED = BatchError(BatchErrorCode.DEADLINE_PASSED, "Its deadline passed; the rows done so far can be read.")
#: What a batch fails with when a part or the number of its rows decides it.
_SETTLING_ERRORS = (encode_batch_error(_ABORTED), encode_batch_error(_TOO_MANY))
CANCELED = BatchError(
    BatchErrorCode.CANCELED, "Canceled at the request of the client; the rows done so far can be read."
)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as its record has it. Times are seconds since the epoch, by the store's clock."""

    spec: BatchSpec
    status: BatchStatus
    created_at: float
    #: When the record was read.
    read_at: float
    rows_done: int
    rows_failed: int
    chunks_done: int
    #: None until the whole file has been split.
    rows_total: int | None = None
    chunks_total: int | None = None
    started_at: float | None = None
    completed_at: float | None = None
    expires_at: float | None = None
    error: BatchError | None = None
    errors_by_code: Mapping[str, int] = field(default_factory=dict)
    #: How often mended rows were sent.
    mends: int = 0
    #: How far the message about its last end has come; None without a webhook.
    delivery: Delivery | None = None

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def is_past_retention(self) -> bool:
        """Its record and files are to go, if they are not gone yet."""
        return self.expires_at is not None and self.expires_at <= self.read_at


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Some batches of one owner, the newest first."""

    batches: list[Batch]
    #: Where the next page begins; None at the end. A page with a filter may be short, and not be the last.
    next_cursor: str | None


class EndVerdict(StrEnum):
    """What became of a request to end a batch."""

    ENDED = "ended"
    #: It had ended otherwise.
    FINAL = "final"
    UNKNOWN = "unknown"


class BatchStore(Protocol):
    """Every operation raises StoreUnavailable when the store does not answer, and may be called again after it."""

    def accept(self, spec: BatchSpec, first_step: JobSpec) -> float | Earlier | None:
        """Write the records of the batch and of the job that begins it, both or none; returns when that was.

        A batch with `once` is not accepted when another one was for the same key; that one is returned. Nor is one
        whose `rate` is used up: None.
        Raises StoreFull, and NotReplicated when they are written but may be lost with the primary. After it the batch
        is promised.
        """

    def look_at_rate(self, rate: Rate, *, once_key: str = "") -> bool:
        """Say whether a batch or mended rows would be accepted under this rate just now; nothing is taken from it.

        once_key: `Once.key` of the batch; one that stands for a batch already is always let in.
        """

    def find_wait_seconds(self, once_key: str = "") -> float | None:
        """Return how long a new file would wait for those before it; None while no speed is known.

        once_key: as above; None too when it stands for what was accepted.
        """

    def find(self, batch_id: str) -> Batch | None:
        """Return the batch, or None when there is no record under this id; raises RecordUnreadable."""

    def note_chunks(self, batch_id: str, chunks: Sequence[Chunk], *, rows_total: int | None) -> BatchStatus | None:
        """Write down chunks that the split found; rows_total comes with the last of them.

        Returns the status, or None when there is no such batch.
        """

    def count_chunks(self, batch_id: str) -> int:
        """Return how many chunks were noted; they are the first ones of the file, without a gap."""

    def chunks(self, batch_id: str, indexes: Sequence[int]) -> list[Chunk]:
        """Return chunks by their index; raises KeyError for one that was never noted."""

    def record_part(self, batch_id: str, index: int, part: Part) -> bool:
        """Write what became of a chunk; the first part wins. Returns whether this one did."""

    def parts(self, batch_id: str) -> list[Part]:
        """Return the parts of the first chunks, as far as there is no gap."""

    def find_notes(self, batch_id: str, index: int) -> bytes | None:
        """Return what earlier attempts at a chunk wrote down for later ones."""

    def write_notes(self, batch_id: str, index: int, notes: bytes) -> None:
        """Write down something for later attempts at a chunk."""

    def end(self, batch_id: str, status: BatchStatus, error: BatchError) -> EndVerdict:
        """End a batch that is not final."""

    def accept_mend(self, spec: BatchSpec, index: int, mend: Mend, step: JobSpec, *, rate: Rate | None = None) -> str:
        """Take a completed batch up again and write the job that merges mended rows.

        index: how many mends there were, plus 1. rate: what the key that they came with is limited to.
        Returns `ok`, `unknown` (also past its retention), `spent` when the rate is used up, or the status that does not
        allow it. Raises as `accept` does.
        """

    def get_mend(self, batch_id: str, index: int) -> Mend:
        """Return a mend that was accepted; raises KeyError."""

    def replace_part(self, batch_id: str, index: int, token: str, part: Part) -> bool:
        """Put a mended part in the place of the one with this token; returns whether it did.

        The files of the part that it replaces can still be read for REPLACED_SECONDS.
        """

    def replaced_parts(self) -> list[ReplacedPart]:
        """Return parts that were replaced so long ago that nobody reads them any more, so their files are to go."""

    def forget_replaced(self, part: ReplacedPart) -> None:
        """Delete the note of a replaced part whose files are gone."""

    def complete_mend(self, batch_id: str) -> None:
        """Complete a batch whose mended rows are merged."""

    def page(
        self, owner: str, *, limit: int, status: BatchStatus | None = None, model: str | None = None, cursor: str = ""
    ) -> BatchPage:
        """Return batches of one owner, the newest first.

        cursor: `next_cursor` of the page before.
        """

    def delete(self, batch_id: str) -> None:
        """Hide a batch for good, and end it if it is open; its files are the caller's, and once more the sweeper's."""

    def sweep(self) -> list[str]:
        """Expire what is due, and return ids of batches past their retention, whose files are to be deleted."""

    def forget(self, batch_id: str) -> None:
        """Delete the record of a batch whose files are gone."""


class RedisBatchStore:
    """BatchStore beside the job records.

    on_debt: is told how the bucket of a rate stands, whenever it was looked at.
    """

    def __init__(self, redis: Redis, settings: Settings, *, on_debt: OnDebt = ignore_debt) -> None:
        self._redis = redis
        self._on_debt = on_debt
        self._settings = settings
        self._retention = settings.retention_seconds
        self._root = settings.key_root
        names = ("chunks", "part", "notes", "end", "find", "due", "replace", "mended", "delete", "page")
        texts = read_scripts({f"batch_{name}": True for name in names}, "record", "batch")
        texts |= read_scripts({"batch_mend": False}, "record", "batch", "rates")
        texts |= read_scripts({"batch_accept": False}, "record", "batch", "rates", "terms")
        texts |= read_scripts({"rate": True}, "record", "rates") | read_scripts({"batch_room": True}, "record")
        self._scripts = {name: Script(redis, text) for name, text in texts.items()}

    def _run(self, script: str, *arguments: Argument) -> Any:
        with store_errors():
            return self._scripts[f"batch_{script}"](keys=[self._root], args=arguments)

    def _accept(self, script: str, arguments: Sequence[Argument]) -> Any:
        return run_accepting(self._scripts[f"batch_{script}"], self._settings, arguments)

    def _key(self, batch_id: str) -> str:
        return f"{self._root}batch:{batch_id}"

    def accept(self, spec: BatchSpec, first_step: JobSpec) -> float | Earlier | None:
        arguments: list[bytes | str | float] = [spec.id, encode_batch_spec(spec), spec.deadline_seconds]
        arguments += [int(spec.on_error is OnError.ABORT), spec.max_error_ratio]
        arguments += [first_step.lane.value, first_step.id, encode_spec(first_step), first_step.max_attempts]
        arguments += [_list_of(spec.owner), encode_once(spec.once, self._settings), spec.webhook_url]
        arguments += [spec.rate.text if spec.rate else "", "" if spec.retain_seconds is None else spec.retain_seconds]
        first, what, *told = self._accept("accept", arguments)
        self._tell(told, spec.rate)
        if what == b"spent":
            return None
        return float(first) if what == b"new" else Earlier(first.decode(), what == b"same")

    def _tell(self, told: Sequence[bytes], rate: Rate | None) -> None:
        tell_debts(told, {rate.text: rate} if rate else {}, self._on_debt)

    def look_at_rate(self, rate: Rate, *, once_key: str = "") -> bool:
        with store_errors():
            debt = self._scripts["rate"](keys=[self._root], args=[rate.text, once_key])
        if debt:
            self._on_debt(rate, float(debt))
        return not debt or rate.wait_seconds(float(debt)) == 0

    def find_wait_seconds(self, once_key: str = "") -> float | None:
        answer = self._run("room", Lane.BULK.value, once_key)
        return float(answer) if answer is not None else None

    def find(self, batch_id: str) -> Batch | None:
        answer = self._run("find", batch_id, self._retention, encode_batch_error(_EXPIRED))
        if not answer:
            return None
        return _read_batch(batch_id, *answer)

    def page(
        self, owner: str, *, limit: int, status: BatchStatus | None = None, model: str | None = None, cursor: str = ""
    ) -> BatchPage:
        before = cursor.replace("-", ".") or "+inf"
        wanted = orjson.dumps(model) if model is not None else ""
        answer = self._run("page", _list_of(owner), before, limit, PAGE_LOOKS, status or "", wanted)
        next_cursor, now, *found = answer
        batches = [batch for facts in found if (batch := _find_listed(facts, now)) is not None]
        return BatchPage(batches, next_cursor.decode().replace(".", "-") or None)

    def delete(self, batch_id: str) -> None:
        self._run("delete", batch_id, encode_batch_error(CANCELED), DELETED_AGAIN_SECONDS)

    def note_chunks(self, batch_id: str, chunks: Sequence[Chunk], *, rows_total: int | None) -> BatchStatus | None:
        total = "" if rows_total is None else rows_total
        arguments: list[bytes | str | float] = [batch_id, self._retention, *_SETTLING_ERRORS, total]
        for chunk in chunks:
            arguments += [chunk.index, orjson.dumps(chunk)]
        status = self._run("chunks", *arguments).decode()
        return None if status == "unknown" else BatchStatus(status)

    def count_chunks(self, batch_id: str) -> int:
        with store_errors():
            return int(self._redis.hlen(f"{self._key(batch_id)}:chunks"))

    def chunks(self, batch_id: str, indexes: Sequence[int]) -> list[Chunk]:
        with store_errors():
            texts = self._redis.hmget(f"{self._key(batch_id)}:chunks", [str(index) for index in indexes])
        if None in texts:
            raise KeyError(f"{batch_id} has no chunk {indexes[texts.index(None)]}")
        with readable(f"batch {batch_id}"):
            return [Chunk(**orjson.loads(text)) for text in texts if text is not None]

    def record_part(self, batch_id: str, index: int, part: Part) -> bool:
        arguments: list[bytes | str | float] = [batch_id, self._retention, *_SETTLING_ERRORS, index]
        arguments += [part.token, orjson.dumps(part), part.rows, part.failed]
        for code, count in part.errors_by_code.items():
            arguments += [code, count]
        return bool(self._run("part", *arguments).decode() == part.token)

    def parts(self, batch_id: str) -> list[Part]:
        with store_errors():
            texts: Any = self._redis.hgetall(f"{self._key(batch_id)}:parts")
        return read_parts(batch_id, texts)

    def find_notes(self, batch_id: str, index: int) -> bytes | None:
        with store_errors():
            notes = self._redis.hget(f"{self._key(batch_id)}:notes", str(index))
        return bytes(notes) if notes is not None else None  # type: ignore[arg-type]  # This client answers bytes.

    def write_notes(self, batch_id: str, index: int, notes: bytes) -> None:
        self._run("notes", batch_id, index, notes)

    def end(self, batch_id: str, status: BatchStatus, error: BatchError) -> EndVerdict:
        return EndVerdict(self._run("end", batch_id, self._retention, status.value, encode_batch_error(error)).decode())

    def accept_mend(self, spec: BatchSpec, index: int, mend: Mend, step: JobSpec, *, rate: Rate | None = None) -> str:
        arguments: list[bytes | str | float] = [spec.id, spec.deadline_seconds, index, orjson.dumps(mend)]
        arguments += [step.lane.value, step.id, encode_spec(step), step.max_attempts, rate.text if rate else ""]
        verdict, *told = self._accept("mend", arguments)
        self._tell(told, rate)
        return str(verdict.decode())

    def get_mend(self, batch_id: str, index: int) -> Mend:
        with store_errors():
            text = self._redis.hget(f"{self._key(batch_id)}:mends", str(index))
        if text is None:
            raise KeyError(f"{batch_id} has no mend {index}")
        with readable(f"batch {batch_id}"):
            return decode_mend(text)

    def replace_part(self, batch_id: str, index: int, token: str, part: Part) -> bool:
        note = encode_replaced(batch_id, index, token)
        return bool(self._run("replace", batch_id, index, token, orjson.dumps(part), REPLACED_SECONDS, note))

    def replaced_parts(self) -> list[ReplacedPart]:
        with store_errors():
            seconds, _microseconds = self._redis.time()
            members: Any = self._redis.zrangebyscore(f"{self._root}batch_replaced", "-inf", seconds, start=0, num=100)
        return [part for member in members if (part := self._find_replaced(member)) is not None]

    def _find_replaced(self, member: bytes) -> ReplacedPart | None:
        """Return what a note says, and forget a note that says nothing."""
        try:
            return read_replaced(member)
        except RecordUnreadable as error:
            log.error("note of a replaced part forgotten", extra={"detail": str(error)})  # noqa: TRY400
            with store_errors():
                self._redis.zrem(f"{self._root}batch_replaced", member)
            return None

    def forget_replaced(self, part: ReplacedPart) -> None:
        with store_errors():
            self._redis.zrem(f"{self._root}batch_replaced", encode_replaced(part.batch_id, part.index, part.token))

    def complete_mend(self, batch_id: str) -> None:
        self._run("mended", batch_id, self._retention)

    def sweep(self) -> list[str]:
        return [batch_id.decode() for batch_id in self._run("due", self._retention, encode_batch_error(_EXPIRED))]

    def forget(self, batch_id: str) -> None:
        key = self._key(batch_id)
        with store_errors():
            listed: Any = self._redis.hget(key, "list")
        with store_errors(), self._redis.pipeline(transaction=True) as pipeline:
            if listed is not None:
                pipeline.zrem(self._root + listed.decode(), batch_id)
            pipeline.delete(key, f"{key}:chunks", f"{key}:parts", f"{key}:codes", f"{key}:mends", f"{key}:notes")
            pipeline.zrem(f"{self._root}batch_expiry", batch_id)
            pipeline.zrem(f"{self._root}batch_deadlines", batch_id)
            pipeline.execute()


def _list_of(owner: str) -> str:
    return f"batches:{owner}"


def _read_batch(batch_id: str, record: Sequence[bytes], codes: Sequence[bytes], now: bytes) -> Batch:
    with readable(f"batch {batch_id}"):
        return Batch(**decode_batch(pairs(record), pairs(codes)), read_at=float(now))


def _find_listed(facts: tuple[bytes, Sequence[bytes], Sequence[bytes]], now: bytes) -> Batch | None:
    """Return a batch by its id, record and codes; None if it cannot be read, which must not hide the others."""
    batch_id, record, codes = facts
    try:
        return _read_batch(batch_id.decode(errors="replace"), record, codes, now)
    except RecordUnreadable as error:
        log.error("batch not listed", extra={"detail": str(error)})  # noqa: TRY400 - the text says it all
        return None
