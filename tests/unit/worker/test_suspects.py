"""How the rows that kill workers are found."""

from hypothesis import given
from hypothesis import strategies as st

from worker.suspects import CUTS, RowRange, Suspects


class Notes:
    """The part of a batch store that keeps notes."""

    def __init__(self) -> None:
        self.text: bytes | None = None

    def find_notes(self, batch_id: str, index: int) -> bytes | None:
        return self.text

    def write_notes(self, batch_id: str, index: int, notes: bytes) -> None:
        self.text = notes


def read(notes: Notes) -> Suspects:
    return Suspects.read(notes, "bat_a", 0)  # type: ignore[arg-type]  # It needs no more of a store.


def attempt(notes: Notes, rows: int, poison: int) -> list[RowRange] | None:
    """Predict a chunk with one deadly row; return what was failed, or None when the worker died."""
    suspects = read(notes)
    failed = []
    for one in suspects.cut(RowRange(0, rows)):
        if suspects.is_deadly(one):
            failed.append(one)
            continue
        suspects.take(one)
        if one.start <= poison < one.stop:
            return None
    suspects.release()
    return failed


def test_without_a_death_the_rows_stay_together() -> None:
    assert list(read(Notes()).cut(RowRange(0, 900))) == [RowRange(0, 900)]


def test_what_was_in_hand_at_a_death_is_cut_into_smaller_ranges() -> None:
    notes = Notes()
    read(notes).take(RowRange(100, 100 + 2 * CUTS))

    ranges = list(read(notes).cut(RowRange(0, 900)))

    assert ranges[0] == RowRange(0, 100)
    assert ranges[1] == RowRange(100, 102)
    assert ranges[-1] == RowRange(100 + 2 * CUTS, 900)


def test_a_row_that_was_alone_in_hand_at_one_death_is_tried_again() -> None:
    notes = Notes()
    read(notes).take(RowRange(7, 8))
    after_one_death = read(notes)
    is_deadly_then = after_one_death.is_deadly(RowRange(7, 8))

    after_one_death.take(RowRange(7, 8))

    assert not is_deadly_then
    assert read(notes).is_deadly(RowRange(7, 8))


@given(rows=st.integers(1, 2_000), data=st.data())
def test_the_ranges_cover_every_row_once_whatever_died(rows: int, data: st.DataObject) -> None:
    starts = data.draw(st.lists(st.tuples(st.integers(0, rows - 1), st.integers(1, 500)), max_size=5))
    suspects = read(Notes())
    suspects.deadly = [RowRange(start, start + length) for start, length in starts]

    covered = [row for one in suspects.cut(RowRange(0, rows)) for row in range(one.start, one.stop)]

    assert covered == list(range(rows))


@given(rows=st.integers(1, 5_000), data=st.data())
def test_a_deadly_row_is_found_within_a_few_attempts(rows: int, data: st.DataObject) -> None:
    poison = data.draw(st.integers(0, rows - 1))
    notes = Notes()

    outcomes = [attempt(notes, rows, poison) for _ in range(8)]

    assert outcomes[-1] == [RowRange(poison, poison + 1)]
