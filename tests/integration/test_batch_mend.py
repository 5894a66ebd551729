"""What a file of mended rows does to the results: it puts them right, and touches nothing else."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from api.mended_header import read_mend
from shared.batch_files import mend_folder, mend_key
from shared.batch_jobs import mend_job
from shared.batch_store import CANCELED, Batch
from shared.batches import BatchSpec, BatchStatus
from shared.errors import FileMissing
from shared.jobs import new_token
from shared.settings import Settings
from tests.builders import HEIGHT, manifest
from tests.integration.test_batch_steps import (
    HEADER,
    Died,
    Workplace,
    deliver_again,
    die_at_once,
    failed_rows,
    people,
    thorough,
)
from worker.batch_mend import Mender
from worker.csv_scoring import BlockScorer
from worker.lease_keeper import LeaseKeeper
from worker.predictor import Predictor

OWN = ("name", "height", "shoe_size", "note")
REASON = ("row_number", "error_code", "error_column", "error_message")
#: Another record in the place of row `%d`, and what is wrong with it.
BREAKS = {
    "missing_value": b"p%d,,44,x",
    "not_a_number": b"p%d,tall,44,x",
    "out_of_range": b"p%d,1.81,44,x",
    "wrong_column_count": b"p%d,181",
}

Rows = Mapping[int, Sequence[str]]


@pytest.fixture
def place(redis: Redis, settings: Settings, tmp_path: Path) -> Workplace:
    return Workplace(redis, settings, tmp_path)


def broken(rows: int, breaks: Mapping[int, str]) -> bytes:
    return people(rows, **{f"r{row}": BREAKS[what] % row for row, what in breaks.items()})


def good(*rows: int) -> Rows:
    """Return the cells of these rows as `people` writes them."""
    lines = people(max(rows)).decode().splitlines()
    return {row: lines[row].split(",") for row in rows}


def mended_file(
    rows: Rows | Sequence[tuple[str, Sequence[str]]],
    *,
    columns: Sequence[str] = OWN + REASON,
    delimiter: str = ",",
    newline: str = "\n",
    is_quoted: bool = False,
) -> bytes:
    """Return a file as a spreadsheet saves it. rows: the cells by the number of the row, or in pairs with it."""
    pairs = [(str(row), cells) for row, cells in rows.items()] if isinstance(rows, Mapping) else rows
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=newline,
        quoting=csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL,
    )
    writer.writerow(columns)
    for number, cells in pairs:
        values = dict(zip(OWN, cells, strict=True)) | dict(zip(REASON, (number, "code", "column", "a, b"), strict=True))
        writer.writerow([values.get(column, "more") for column in columns])
    return text.getvalue().encode()


def accept_mend(place: Workplace, spec: BatchSpec, document: bytes) -> BatchSpec:
    """Take mended rows as the API does; their step is the next to be done."""
    mend = read_mend(document, spec.layout, new_token(), is_whole=True)
    with place.files.open_writer(mend_key(spec.id, mend.token)) as writer:
        writer.write(document)
    index = place.find(spec).mends + 1
    assert place.batches.accept_mend(spec, index, mend, mend_job(spec, index)) == "ok"
    place.send(mend_job(spec, index))
    return spec


def mend(place: Workplace, spec: BatchSpec, document: bytes) -> BatchSpec:
    accept_mend(place, spec, document)
    place.run()
    return spec


def state(place: Workplace, spec: BatchSpec) -> tuple[bytes, bytes, int | None, int, Mapping[str, int], BatchStatus]:
    """Return everything that a caller sees of a batch."""
    batch: Batch = place.find(spec)
    counts = batch.rows_total, batch.rows_failed, batch.errors_by_code, batch.status
    return place.results(spec), place.errors(spec), *counts


breaks_of_forty = st.dictionaries(st.integers(1, 40), st.sampled_from(sorted(BREAKS)), min_size=1, max_size=12)


@thorough
@given(
    breaks=breaks_of_forty,
    chunk_bytes=st.integers(40, 700),
    form=st.fixed_dictionaries(
        {
            "columns": st.permutations([*OWN, *REASON]) | st.permutations([*OWN, "row_number", "more"]),
            "delimiter": st.sampled_from(",;\t|"),
            "newline": st.sampled_from(["\n", "\r\n"]),
        }
    ),
)
def test_mended_rows_give_the_results_of_a_clean_file(
    place: Workplace, breaks: dict[int, str], chunk_bytes: int, form: dict[str, Any]
) -> None:
    clean = place.score(people(40), chunk_bytes=chunk_bytes)
    spec = place.score(broken(40, breaks), chunk_bytes=chunk_bytes)

    mend(place, spec, mended_file(good(*breaks), **form))

    assert state(place, spec) == state(place, clean)


@thorough
@given(breaks=breaks_of_forty, chunk_bytes=st.integers(40, 700), data=st.data())
def test_rows_that_were_not_sent_keep_their_errors(
    place: Workplace, breaks: dict[int, str], chunk_bytes: int, data: st.DataObject
) -> None:
    sent = data.draw(st.sets(st.sampled_from(sorted(breaks)), min_size=1))
    rest = {row: what for row, what in breaks.items() if row not in sent}
    expected = place.score(broken(40, rest), chunk_bytes=chunk_bytes)
    spec = place.score(broken(40, breaks), chunk_bytes=chunk_bytes)

    mend(place, spec, mended_file(good(*sent)))

    assert state(place, spec) == state(place, expected)


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_quotes_that_a_spreadsheet_adds_change_no_value(place: Workplace, delimiter: str, newline: str) -> None:
    clean = place.score(people(20))
    spec = place.score(broken(20, {3: "missing_value", 17: "wrong_column_count"}))

    mend(place, spec, mended_file(good(3, 17), delimiter=delimiter, newline=newline, is_quoted=True))

    assert list(csv.reader(io.StringIO(place.results(spec).decode()))) == list(
        csv.reader(io.StringIO(place.results(clean).decode()))
    )
    assert place.find(spec).rows_failed == 0


def test_quotes_that_a_spreadsheet_adds_are_gone_when_its_columns_stand_elsewhere(place: Workplace) -> None:
    clean = place.score(people(20))
    spec = place.score(broken(20, {3: "missing_value"}))

    mend(place, spec, mended_file(good(3), columns=("row_number", *OWN), is_quoted=True))

    assert place.results(spec) == place.results(clean)


@pytest.mark.parametrize(
    "columns",
    [pytest.param(OWN + REASON, id="as the errors have them"), pytest.param(REASON + OWN, id="the reasons first")],
)
def test_what_a_row_says_itself_survives(place: Workplace, columns: tuple[str, ...]) -> None:
    row = '"Ann\n""A"", B",%s,44,"5\'11"" tall\r\n"\r\n'
    document = HEADER.decode() + "a,181,44,x\r\n" + row + "b,181,44,y\r\n"
    clean = place.score((document % "165").encode())
    spec = place.score((document % "").encode())

    cells = ['Ann\n"A", B', "165", "44", "5'11\" tall\r\n"]
    mend(place, spec, mended_file({2: cells}, columns=columns, newline="\r\n"))

    assert place.results(spec) == place.results(clean)


def test_stray_quotes_of_a_row_stay_as_they_were(place: Workplace) -> None:
    document = HEADER + b'a "b" c,%s,44,5\'11"\n'
    clean = place.score(document % b"165")
    spec = place.score(document % b"")

    mend(place, spec, b'name,height,shoe_size,note,row_number\na "b" c,165,44,5\'11",1\n')

    assert place.results(spec) == place.results(clean)


def test_a_file_in_another_encoding_is_mended_in_its_own(place: Workplace) -> None:
    document = HEADER.decode() + "Zoë,%s,44,x\n"
    clean = place.score((document % "165").encode("cp1252"))
    spec = place.score((document % "").encode("cp1252"))

    mend(place, spec, b"\xef\xbb\xbf" + mended_file({1: ["Zoë", "165", "44", "x"]}))

    assert place.results(spec) == place.results(clean)


def test_a_last_row_without_a_terminator_is_mended_like_the_others(place: Workplace) -> None:
    clean = place.score(people(5).rstrip())
    spec = place.score(broken(5, {5: "missing_value"}).rstrip())

    mend(place, spec, mended_file(good(5)))

    assert state(place, spec) == state(place, clean)


def test_a_row_that_is_still_bad_has_its_new_reason(place: Workplace) -> None:
    breaks = {2: "missing_value", 19: "missing_value", 20: "missing_value"}
    expected = place.score(broken(30, {2: "missing_value", 19: "out_of_range"}), chunk_bytes=100)
    spec = place.score(broken(30, breaks), chunk_bytes=100)

    mend(place, spec, mended_file({19: ["p19", "1.81", "44", "x"], **good(20)}))

    assert failed_rows(place.errors(spec)) == [(2, "missing_value"), (19, "out_of_range")]
    assert state(place, spec) == state(place, expected)
    assert place.find(spec).errors_by_code == {"missing_value": 1, "out_of_range": 1}


STRANGERS = [
    pytest.param("", id="no row"),
    pytest.param("0", id="row zero"),
    pytest.param("41", id="a row past the end"),
    pytest.param("99999999999999999999", id="a row past any end"),
    pytest.param("6", id="a row that had succeeded"),
    pytest.param("-5", id="a negative number"),
    pytest.param("5.0", id="a fraction"),
    pytest.param("five", id="text"),
    pytest.param("５", id="a digit that is not ASCII"),  # noqa: RUF001  # It is the point.
    pytest.param("9" * 300, id="hundreds of digits"),
]


@pytest.mark.parametrize("number", STRANGERS)
def test_a_record_that_names_no_failed_row_changes_nothing(place: Workplace, number: str) -> None:
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}), chunk_bytes=200)
    before = state(place, spec)

    mend(place, spec, mended_file([(number, ["stranger", "181", "44", "x"])]))

    assert state(place, spec) == before


def test_a_record_that_names_no_failed_row_does_not_keep_the_others_from_their_places(place: Workplace) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}), chunk_bytes=200)
    strangers = [(number, ["stranger", "181", "44", "x"]) for number in ("6", "", "five", "41")]

    mend(place, spec, mended_file([*strangers, *((str(row), cells) for row, cells in good(5, 30).items())]))

    assert state(place, spec) == state(place, clean)


def test_of_a_row_that_was_sent_twice_the_last_counts(place: Workplace) -> None:
    clean = place.score(people(20))
    spec = place.score(broken(20, {5: "missing_value"}))

    mend(place, spec, mended_file([("5", ["first", "199", "50", "y"]), ("5", good(5)[5])]))

    assert state(place, spec) == state(place, clean)


def test_the_errors_sent_back_as_they_are_change_nothing(place: Workplace) -> None:
    breaks = dict(zip(range(1, 40, 5), 2 * sorted(BREAKS), strict=True))
    spec = place.score(broken(40, breaks), chunk_bytes=200)
    before = state(place, spec)

    mend(place, spec, ",".join(OWN + REASON).encode() + b"\n" + place.errors(spec))

    assert state(place, spec) == before


def test_mended_rows_can_be_sent_again_and_again(place: Workplace) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {3: "missing_value", 4: "out_of_range", 39: "not_a_number"}), chunk_bytes=200)
    mend(place, spec, mended_file({3: ["p3", "1.81", "44", "x"], **good(39)}))
    between = place.find(spec)

    mend(place, spec, mended_file(good(3, 4)))

    assert (between.status, between.rows_failed, between.errors_by_code) == (
        BatchStatus.COMPLETED,
        2,
        {"out_of_range": 2},
    )
    assert state(place, spec) == state(place, clean)
    assert place.find(spec).mends == 2


def test_only_the_parts_with_mended_rows_are_written_anew_and_the_old_ones_go(place: Workplace) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {1: "missing_value", 40: "missing_value"}), chunk_bytes=200)
    before = place.batches.parts(spec.id)

    mend(place, spec, mended_file(good(40)))

    after = place.batches.parts(spec.id)
    assert after[:-1] == before[:-1]
    assert after[-1].token != before[-1].token
    assert place.written(spec) == ["00000000/errors.csv", *place.written(clean)]


def test_the_file_of_mended_rows_goes_when_they_are_merged(place: Workplace, tmp_path: Path) -> None:
    spec = place.score(broken(5, {5: "missing_value"}))
    accept_mend(place, spec, mended_file(good(5)))
    mended = place.batches.get_mend(spec.id, 1)

    place.run()

    assert not (tmp_path / mend_folder(spec.id, mended.token)).exists()


def test_a_mend_that_is_delivered_twice_is_done_once(place: Workplace) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}), chunk_bytes=200)
    accept_mend(place, spec, mended_file(good(5, 30)))

    place.run(deliveries=2)

    assert state(place, spec) == state(place, clean)
    assert place.written(spec) == place.written(clean)


def let_pass() -> None:
    """Disturb nothing."""


def merge_until_death(place: Workplace, spec: BatchSpec) -> None:
    """Do what a worker does that lost its lease, goes on, and dies."""
    leases = LeaseKeeper(place.jobs, place.settings)
    scorer = BlockScorer(Predictor(place.model, place.estimator), spec.layout)
    with suppress(Died):
        Mender(place.batches, place.files, leases, max_record_bytes=500).run(spec, 1, scorer)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_mend_that_was_interrupted_between_two_chunks_is_taken_up_again(place: Workplace, calls: int) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 25: "not_a_number", 40: "out_of_range"}), chunk_bytes=200)
    accept_mend(place, spec, mended_file(good(5, 25, 40)))
    place.estimator.meanwhile = [die_at_once, *[let_pass] * calls]

    place.run()

    assert place.deaths == 1
    assert state(place, spec) == state(place, clean)
    assert place.written(spec) == place.written(clean)


@pytest.mark.parametrize("files", [0, 1, 2, 3])
def test_a_disk_that_is_away_during_a_mend_costs_an_attempt(place: Workplace, files: int) -> None:
    expected = place.score(broken(40, {5: "out_of_range", 40: "out_of_range"}), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 25: "not_a_number", 40: "missing_value"}), chunk_bytes=200)
    still_bad = {row: [f"p{row}", "1.81", "44", "x"] for row in (5, 40)}
    accept_mend(place, spec, mended_file({**still_bad, **good(25)}))
    place.files.failures = files

    place.run()

    assert place.deaths == files
    assert state(place, spec) == state(place, expected)


def test_a_mend_whose_worker_died_before_it_could_say_so_is_not_done_again(place: Workplace) -> None:
    clean = place.score(people(20))
    spec = place.score(broken(20, {5: "missing_value"}))
    accept_mend(place, spec, mended_file(good(5)))
    place.jobs.deaths_at_finish = 1

    place.run()

    assert place.deaths == 1
    assert state(place, spec) == state(place, clean)


@pytest.mark.parametrize("chunk_bytes", [pytest.param(200, id="many chunks"), pytest.param(10_000, id="one chunk")])
def test_two_attempts_at_a_mend_at_the_same_time_merge_it_once(place: Workplace, chunk_bytes: int) -> None:
    clean = place.score(people(40), chunk_bytes=chunk_bytes)
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}), chunk_bytes=chunk_bytes)
    accept_mend(place, spec, mended_file(good(5, 30)))
    place.estimator.meanwhile = [lambda: deliver_again(place, mend_job(spec, 1))]

    place.run()

    assert place.estimator.meanwhile == []
    assert state(place, spec) == state(place, clean)
    assert place.written(spec) == place.written(clean)


def test_an_attempt_that_is_overtaken_by_one_that_dies_still_ends_the_mend(place: Workplace) -> None:
    clean = place.score(people(40), chunk_bytes=200)
    spec = place.score(broken(40, {5: "missing_value", 25: "not_a_number", 40: "out_of_range"}), chunk_bytes=200)
    accept_mend(place, spec, mended_file(good(5, 25, 40)))
    place.estimator.meanwhile = [die_at_once, let_pass, let_pass, lambda: merge_until_death(place, spec)]

    with pytest.raises(FileMissing):
        place.run()
    place.sweep()
    place.run()

    assert place.estimator.meanwhile == []
    assert state(place, spec) == state(place, clean)


def cancel(place: Workplace, spec: BatchSpec) -> None:
    place.batches.end(spec.id, BatchStatus.CANCELED, CANCELED)


def forget(place: Workplace, spec: BatchSpec) -> None:
    place.batches.forget(spec.id)


@pytest.mark.parametrize("end", [pytest.param(cancel, id="canceled"), pytest.param(forget, id="deleted")])
def test_a_batch_that_ends_before_its_mend_keeps_its_files_as_they_were(
    place: Workplace, end: Callable[[Workplace, BatchSpec], None]
) -> None:
    spec = place.score(broken(20, {5: "missing_value"}))
    files = place.written(spec)
    accept_mend(place, spec, mended_file(good(5)))
    end(place, spec)

    place.run()

    assert place.written(spec) == files


def test_a_batch_that_is_canceled_during_its_mend_keeps_what_it_had(place: Workplace) -> None:
    spec = place.score(broken(20, {5: "missing_value"}))
    before = place.results(spec), place.errors(spec)
    accept_mend(place, spec, mended_file(good(5)))
    place.estimator.meanwhile = [lambda: cancel(place, spec)]

    place.run()

    assert (place.results(spec), place.errors(spec)) == before
    assert place.find(spec).status is BatchStatus.CANCELED


def test_an_endless_number_of_a_row_names_no_row(place: Workplace) -> None:
    clean = place.score(people(20))
    spec = place.score(broken(20, {5: "missing_value"}))

    strange = ("9" * 5_000, ["stranger", "181", "44", "x"])
    place.allow_records_of(10_000)
    mend(place, spec, mended_file([strange, ("5", good(5)[5])]))

    assert state(place, spec) == state(place, clean)


def test_a_row_with_a_cell_too_many_does_not_take_the_place_of_another(place: Workplace) -> None:
    header = b"name,height,shoe_size"
    # Where the number of the row should stand, the second row has the end of its own text: a 1.
    spec = place.score(header + b"\nb,,43\na,180,44,1\n")
    before = state(place, spec)

    mend(place, spec, header + b"," + ",".join(REASON).encode() + b"\n" + place.errors(spec))

    assert state(place, spec) == before


def test_a_row_that_opens_a_quote_does_not_keep_the_others_from_being_mended(place: Workplace) -> None:
    spec = place.score(broken(5, {2: "missing_value"}) + b'"open,181,44,x\n')

    mend(place, spec, mended_file(good(2)))

    batch = place.find(spec)
    assert (batch.status, batch.rows_failed) == (BatchStatus.COMPLETED, 1)
    assert batch.errors_by_code == {"wrong_column_count": 1}


def test_mended_rows_with_an_endless_record_leave_the_batch_as_it_was(place: Workplace) -> None:
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}))
    before = state(place, spec)

    mend(place, spec, mended_file({}) + b'"open,181,44,x,5,,,\n' + b"a,181,44,x,30,,,\n" * 100)

    assert state(place, spec) == before


def test_a_mend_after_the_model_version_is_gone_leaves_the_batch_as_it_was(place: Workplace) -> None:
    spec = place.score(broken(40, {5: "missing_value", 30: "not_a_number"}))
    before = state(place, spec)
    accept_mend(place, spec, mended_file(good(5)))
    place.replace_model(manifest(version="2"))

    place.run()

    assert state(place, spec) == before


def test_a_row_at_which_workers_die_may_be_sent_back_with_the_others(place: Workplace) -> None:
    expected = place.score(people(40, r20=b"p20,200,44,x"))
    spec = place.score(people(40, r20=b"p20,200,44,x", r30=b"p30,,44,x"))

    mend(place, spec, mended_file({20: ["p20", "200", "44", "x"], **good(30)}))

    assert state(place, spec) == state(place, expected)


@pytest.mark.parametrize("columns", [("height", "row_number"), ("row_number", "height")])
def test_a_row_of_one_cell_may_be_sent_back_empty(
    redis: Redis, settings: Settings, tmp_path: Path, columns: tuple[str, str]
) -> None:
    place = Workplace(redis, settings, tmp_path, manifest(features=(HEIGHT,)))
    expected = place.score(b'height\n181\n170\n""\n')
    spec = place.score(b'height\n181\ntall\n""\n')

    mend(place, spec, one_column_file(columns, {2: "170", 3: ""}))

    assert place.find(spec).errors_by_code == place.find(expected).errors_by_code
    assert place.find(spec).status is BatchStatus.COMPLETED


def one_column_file(columns: Sequence[str], rows: Mapping[int, str]) -> bytes:
    lines = [{"row_number": str(row), "height": height} for row, height in rows.items()]
    return "\n".join([",".join(columns), *(",".join(line[column] for column in columns) for line in lines)]).encode()
