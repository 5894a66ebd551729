"""Records that this release did not write: read or refused, and never quoted."""

import json
import pickle
import traceback
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.batch_records import decode_batch, decode_mend, encode_batch_spec, read_parts, read_replaced
from shared.job_records import encode_outcome, encode_spec, read_job
from shared.jobs import JobStatus
from shared.sweeps import read_stuck
from shared.unreadable import MISSHAPEN, RecordUnreadable, readable
from tests.acceptance.test_refusal import LeavesAMark
from tests.builders import batch_spec, failure, job_spec

#: Stands for what belongs to whoever sent the job.
CANARY = "canary-7f3a"


def record(**fields: bytes | None) -> dict[bytes, bytes]:
    """The fields of a failed job as the store returns them, with others in their places; None takes one out."""
    failed: dict[str, bytes | None] = {
        "spec": encode_spec(job_spec()),
        "lane": b"interactive",
        "status": b"failed",
        "attempt": b"1",
        "created": b"1700000000.250000",
        "completed": b"1700000001.250000",
        "outcome": encode_outcome(failure()),
    }
    return {name.encode(): text for name, text in (failed | fields).items() if text is not None}


def spec(**fields: Any) -> bytes:
    return orjson.dumps(orjson.loads(encode_spec(job_spec())) | fields)


def outcome(**fields: Any) -> bytes:
    return orjson.dumps(orjson.loads(encode_outcome(failure())) | fields)


STRANGE_RECORDS = [
    pytest.param({"spec": None}, id="no spec"),
    pytest.param({"spec": b""}, id="an empty spec"),
    pytest.param({"spec": CANARY.encode()}, id="a spec that is no JSON"),
    pytest.param({"spec": b"[" * 100_000}, id="a spec too deep to be read"),
    pytest.param({"spec": b'"canary-7f3a"'}, id="a spec that is a text"),
    pytest.param({"spec": b"\x81\xa6canary"}, id="a spec in MessagePack"),
    pytest.param({"spec": b"{}"}, id="a spec without members"),
    pytest.param({"spec": spec(id=[CANARY])}, id="an id that is an array"),
    pytest.param({"spec": spec(lane=CANARY)}, id="an unknown lane"),
    pytest.param({"spec": spec(model=CANARY)}, id="a model that is a text"),
    pytest.param({"spec": spec(rows=CANARY)}, id="rows that are a text"),
    pytest.param({"spec": spec(warnings=[{"canary-7f3a": 1}])}, id="a warning with an odd member"),
    pytest.param({"spec": spec(deadline=CANARY)}, id="a deadline that is a text"),
    pytest.param({"spec": spec(deadline=1e300)}, id="a deadline after the end of time"),
    pytest.param({"spec": spec(max_attempts=CANARY)}, id="attempts that are a text"),
    pytest.param({"spec": spec(reply_to=7)}, id="a channel that is a number"),
    pytest.param({"spec": spec(step=[CANARY])}, id="a step that is an array"),
    pytest.param({"spec": spec(extras=CANARY)}, id="extras that are a text"),
    pytest.param({"status": None}, id="no status"),
    pytest.param({"status": CANARY.encode()}, id="a status of another release"),
    pytest.param({"status": b"\xff\xfe"}, id="a status that is no text"),
    pytest.param({"attempt": None}, id="no attempts"),
    pytest.param({"attempt": CANARY.encode()}, id="attempts that are no number"),
    pytest.param({"created": CANARY.encode()}, id="a time that is no number"),
    pytest.param({"created": b"nan"}, id="a time that is not a number"),
    pytest.param({"completed": b"1e300"}, id="a time after the end of time"),
    pytest.param({"outcome": CANARY.encode()}, id="an outcome that is no JSON"),
    pytest.param({"outcome": b"[]"}, id="an outcome that is an array"),
    pytest.param({"outcome": b"{}"}, id="an outcome without members"),
    pytest.param({"outcome": outcome(error=CANARY)}, id="an error that is a text"),
    pytest.param({"outcome": outcome(error=[CANARY])}, id="an error without its details"),
    pytest.param({"outcome": outcome(error={"canary-7f3a": 1})}, id="an error that is an object"),
    pytest.param({"outcome": outcome(error=["a", "b", [{"canary-7f3a": 1}]])}, id="a note with an odd member"),
    pytest.param({"delivery": CANARY.encode()}, id="a delivery that is no JSON"),
    pytest.param({"delivery": b'{"status":"canary-7f3a","attempts":1}'}, id="a delivery of another release"),
    pytest.param({"retries": CANARY.encode()}, id="retries that are no number"),
]


@pytest.mark.parametrize("fields", STRANGE_RECORDS)
def test_a_record_of_another_shape_is_refused_by_its_id_and_not_quoted(fields: dict[str, bytes | None]) -> None:
    with pytest.raises(RecordUnreadable, match="the record of job prd_a cannot be read") as refusal:
        read_job("prd_a", record(**fields))

    assert CANARY not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"priority": b"9"}, id="a field of the record"),
        pytest.param({"spec": spec(priority=9)}, id="a member of the spec"),
        pytest.param({"outcome": outcome(explained=True)}, id="a member of the outcome"),
        pytest.param({"outcome": outcome(error=["out_of_fuel", "It ran dry.", []])}, id="a code of an error"),
    ],
)
def test_what_a_later_release_adds_to_a_record_is_passed_over(fields: dict[str, bytes | None]) -> None:
    assert read_job("prd_a", record(**fields)).status is JobStatus.FAILED


@pytest.mark.parametrize("field", ["spec", "outcome", "delivery"])
def test_a_pickle_in_a_record_is_not_unpickled(field: str, tmp_path: Path) -> None:
    poison = pickle.dumps(LeavesAMark(tmp_path / "mark"))

    with pytest.raises(RecordUnreadable):
        read_job("prd_a", record(**{field: poison}))

    assert not (tmp_path / "mark").exists()


def test_unpickling_it_would_leave_a_mark(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(LeavesAMark(tmp_path / "mark")))

    assert (tmp_path / "mark").exists()


def test_stuck_jobs_that_can_be_read_are_told_from_those_that_cannot() -> None:
    good = encode_spec(job_spec("prd_good"))

    stuck, unreadable = read_stuck([(b"prd_a", b"", b"0"), (b"prd_good", good, b"1"), (b"prd_b", good, b"x")])

    assert [(one.spec.id, one.attempt) for one in stuck] == [("prd_good", 1)]
    assert unreadable == [b"prd_a", b"prd_b"]


def batch_record(**fields: bytes | None) -> dict[bytes, bytes]:
    running: dict[str, bytes | None] = {
        "spec": encode_batch_spec(batch_spec()),
        "status": b"running",
        "created": b"1700000000.250000",
        "rows_done": b"0",
        "rows_failed": b"0",
        "chunks_done": b"0",
    }
    return {name.encode(): text for name, text in (running | fields).items() if text is not None}


def strange_batch_spec(**fields: Any) -> bytes:
    return orjson.dumps(orjson.loads(encode_batch_spec(batch_spec())) | fields)


def test_the_record_of_a_batch_is_read() -> None:
    assert decode_batch(batch_record(), {b"out_of_range": b"2"})["errors_by_code"] == {"out_of_range": 2}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"spec": None}, id="no spec"),
        pytest.param({"spec": CANARY.encode()}, id="a spec that is no JSON"),
        pytest.param({"spec": strange_batch_spec(id=7)}, id="an id that is a number"),
        pytest.param({"spec": strange_batch_spec(layout=CANARY)}, id="a layout that is a text"),
        pytest.param({"spec": strange_batch_spec(layout={"dialect": {}})}, id="a layout without members"),
        pytest.param({"spec": strange_batch_spec(**{CANARY: 1})}, id="an odd member"),
        pytest.param({"spec": strange_batch_spec(on_error=CANARY)}, id="an unknown policy"),
        pytest.param({"spec": strange_batch_spec(deadline_seconds=CANARY)}, id="a deadline that is a text"),
        pytest.param({"status": CANARY.encode()}, id="a status of another release"),
        pytest.param({"rows_done": None}, id="no count of rows"),
        pytest.param({"rows_total": CANARY.encode()}, id="a count that is no number"),
        pytest.param({"created": b"inf"}, id="a time without end"),
        pytest.param({"error": b'{"canary-7f3a":1}'}, id="an error with an odd member"),
    ],
)
def test_a_record_of_a_batch_of_another_shape_is_refused(fields: dict[str, bytes | None]) -> None:
    with pytest.raises(MISSHAPEN):
        decode_batch(batch_record(**fields), {})


@pytest.mark.parametrize(
    "text",
    [CANARY.encode(), b"[]", b"{}", b'{"canary-7f3a":1}', b"7"],
    ids=["no JSON", "an array", "no members", "an odd member", "a number"],
)
def test_pieces_of_a_batch_of_another_shape_are_refused_and_not_quoted(text: bytes) -> None:
    with pytest.raises(RecordUnreadable, match="the record of batch bat_a cannot be read") as part:
        read_parts("bat_a", {b"0": text})
    with pytest.raises(RecordUnreadable) as replaced:
        read_replaced(text)
    with pytest.raises(RecordUnreadable) as mend, readable("batch bat_a"):
        decode_mend(text)

    refusals = [error for one in (part, replaced, mend) for error in traceback.format_exception(one.value)]
    assert CANARY not in json.dumps(refusals)
