"""What a file of mended rows does to the results: it puts them right, and touches nothing else."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from api.batch_results import Assembled, assemble_errors, assemble_results
from shared.batch_files import mend_folder
from shared.batches import BatchSpec, BatchStatus
from shared.settings import Settings
from tests.builders import HEIGHT, manifest
from tests.integration.batch_steps.conftest import HEADER, Shelf, Workplace, failed_rows, people, thorough
from tests.integration.batch_steps.mend.conftest import (
    BREAKS,
    OWN,
    REASON,
    accept_mend,
    broken,
    good,
    mend,
    mended_file,
    state,
)

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


@pytest.mark.parametrize(
    ("assemble", "read"), [(assemble_results, Workplace.results), (assemble_errors, Workplace.errors)]
)
def test_a_download_that_began_before_rows_were_mended_ends_as_it_began(
    place: Workplace, assemble: Callable[..., Assembled], read: Callable[[Workplace, BatchSpec], bytes]
) -> None:
    spec = place.score(broken(40, {1: "missing_value", 40: "missing_value"}), chunk_bytes=200)
    before = read(place, spec)
    download = assemble(place.find(spec), place.batches, place.files)
    pieces = download.read(place.files, 0, download.size)
    begun = next(pieces)

    mend(place, spec, mended_file(good(1, 40)))

    assert (begun + b"".join(pieces)).split(b"\n", 1)[1] == before
    assert read(place, spec) != before


def test_the_file_of_mended_rows_goes_when_they_are_merged(place: Workplace) -> None:
    spec = place.score(broken(5, {5: "missing_value"}))
    accept_mend(place, spec, mended_file(good(5)))
    mended = place.batches.get_mend(spec.id, 1)

    place.run()

    assert place.shelf.list_paths(mend_folder(spec.id, mended.token)) == []


def test_a_row_at_which_workers_die_may_be_sent_back_with_the_others(place: Workplace) -> None:
    expected = place.score(people(40, r20=b"p20,200,44,x"))
    spec = place.score(people(40, r20=b"p20,200,44,x", r30=b"p30,,44,x"))

    mend(place, spec, mended_file({20: ["p20", "200", "44", "x"], **good(30)}))

    assert state(place, spec) == state(place, expected)


@pytest.mark.parametrize("columns", [("height", "row_number"), ("row_number", "height")])
def test_a_row_of_one_cell_may_be_sent_back_empty(
    redis: Redis, settings: Settings, shelf: Shelf, columns: tuple[str, str]
) -> None:
    place = Workplace(redis, settings, shelf, manifest(features=(HEIGHT,)))
    expected = place.score(b'height\n181\n170\n""\n')
    spec = place.score(b'height\n181\ntall\n""\n')

    mend(place, spec, one_column_file(columns, {2: "170", 3: ""}))

    assert place.find(spec).errors_by_code == place.find(expected).errors_by_code
    assert place.find(spec).status is BatchStatus.COMPLETED


def one_column_file(columns: Sequence[str], rows: Mapping[int, str]) -> bytes:
    lines = [{"row_number": str(row), "height": height} for row, height in rows.items()]
    return "\n".join([",".join(columns), *(",".join(line[column] for column in columns) for line in lines)]).encode()
