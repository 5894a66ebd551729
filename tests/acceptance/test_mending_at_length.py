"""A large file with bad rows of every kind, and its mended rows; minutes, so only on request."""

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import httpx2
import pytest

from shared.row_errors import RowErrorCode
from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.moody_model import COLOUR, COUNT, MOOD, publish_moody_model
from tests.acceptance.test_batches import CSV, score, wait
from tests.models import ANSWERS_NAN, KILLS_THE_PROCESS, RAISES

ROWS = 250_000
#: From this row on: what stands before it tells the encoding of the file.
FIRST_BAD_ROW = 50_000
HEADER = b"id,mood,note,count,colour\r\n"
#: What takes the place of the cells of a row, the code that it gets, and the column that is to blame.
KINDS: tuple[tuple[bytes, RowErrorCode, str], ...] = (
    (b',"a, b",3,red', RowErrorCode.MISSING_VALUE, "mood"),
    (b"glad,x,3,red", RowErrorCode.NOT_A_NUMBER, "mood"),
    (b"1.5,x,3.5,red", RowErrorCode.NOT_AN_INTEGER, "count"),
    (b"9999,x,3,red", RowErrorCode.OUT_OF_RANGE, "mood"),
    (b"1.5,x,3,green", RowErrorCode.NOT_A_CATEGORY, "colour"),
    (b"1.5,x,3,\xff", RowErrorCode.NOT_DECODABLE, "colour"),
    (b"1.5,x,3", RowErrorCode.WRONG_COLUMN_COUNT, ""),
    (b"1.5,x,3,red,more", RowErrorCode.WRONG_COLUMN_COUNT, ""),
    (b'1.5,"two\r\nlines",3', RowErrorCode.WRONG_COLUMN_COUNT, ""),
    (b"%d,x,3,red" % RAISES, RowErrorCode.PREDICTION_FAILED, ""),
    (b"%d,x,3,red" % ANSWERS_NAN, RowErrorCode.OUTPUT_INVALID, ""),
)
#: One row is enough to kill worker after worker until it stands alone.
DEADLY_ROW = 123_456
DEADLY = (b"%d,x,3,red" % KILLS_THE_PROCESS, RowErrorCode.WORKER_DIED, "")


@pytest.fixture
def stack(tmp_path: Path, models_dir: Path) -> Iterator[Stack]:
    """A stack whose model has a feature of every type."""
    shutil.copytree(models_dir / "gender", tmp_path / "models" / "gender")
    publish_moody_model(tmp_path / "models", name="things", features=(MOOD, COUNT, COLOUR))
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path / "data",
        models_dir=tmp_path / "models",
        lease_seconds=2.0,
        workers=1,
        bulk_workers=2,
    )
    with running_stack(settings) as stack:
        yield stack


def clean_records() -> list[bytes]:
    return [
        b'%06d,0%d.50,"say ""%d"",\nthen go", %d,%s' % (row, row % 9, row, row % 100, (b"red", b"blue")[row % 2])
        for row in range(1, ROWS + 1)
    ]


def bad_rows() -> dict[int, tuple[bytes, RowErrorCode, str]]:
    """Return every hundredth row, each kind in turn, and the one at which workers die."""
    return dict(zip(range(FIRST_BAD_ROW, ROWS, 100), cycle(KINDS), strict=False)) | {DEADLY_ROW: DEADLY}


def document_of(records: list[bytes]) -> bytes:
    return HEADER + b"\r\n".join(records) + b"\r\n"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_large_file_mended_after_one_percent_of_bad_rows_equals_the_clean_one(http: httpx2.Client) -> None:
    clean, bad = clean_records(), bad_rows()
    broken = [b"%06d,%b" % (row, bad[row][0]) if row in bad else record for row, record in enumerate(clean, start=1)]
    header = HEADER.rstrip() + b",row_number,error_code,error_column,error_message\r\n"
    mended = header + b"".join(b"%b,%d,,,\r\n" % (clean[row - 1], row) for row in sorted(bad))
    expected = score(http, document_of(clean), model="things")[1]

    batch, results = score(http, document_of(broken), model="things")
    errors = http.get(batch["urls"]["errors"]).content
    accepted = http.post(batch["urls"]["retry"], content=mended, headers=CSV)
    after = wait(http, batch["urls"]["self"], seconds=120)

    found = list(csv.reader(io.StringIO(errors.decode("latin-1"), newline="")))[1:]
    reasons = {int(cells[-4]): (cells[-3], cells[-2]) for cells in found}
    assert reasons == {row: (code.value, column) for row, (_cells, code, column) in bad.items()}
    assert {RowErrorCode(code) for code, _column in reasons.values()} == set(RowErrorCode)
    assert batch["errors_by_code"] == Counter(code.value for _cells, code, _column in bad.values())
    assert batch["counts"] == {"total": ROWS, "succeeded": ROWS - len(bad), "failed": len(bad), "pending": 0}
    assert results.count(b",ok,,\r\n") == ROWS - len(bad)
    assert accepted.status_code == 202
    assert (after["status"], after["outcome"], after["errors_by_code"]) == ("completed", "all_succeeded", {})
    assert http.get(batch["urls"]["results"]).content == expected
    assert http.get(batch["urls"]["errors"]).content == header
