"""Records that name no failed row, or cannot be read, change nothing and hold up no other."""

import pytest

from shared.batches import BatchStatus
from tests.integration.batch_steps.conftest import Workplace, people
from tests.integration.batch_steps.mend.conftest import REASON, broken, good, mend, mended_file, state

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
