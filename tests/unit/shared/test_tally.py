"""What one process counts, and what others see of it."""

import pytest

from shared.metrics import HTTP_REQUESTS, JOBS_RESENT, MESSAGE_ROWS, PREDICT_SECONDS, PROBLEMS, Totals, add_totals
from shared.tally import CELLS, TALLY_BYTES, Tally, read_totals

ROWS_BELOW_TWO = MESSAGE_ROWS.cells.index("2.0")


@pytest.fixture
def memory() -> memoryview:
    return memoryview(bytearray(TALLY_BYTES))


@pytest.fixture
def tally(memory: memoryview) -> Tally:
    return Tally(memory)


def test_a_counter_adds_up(tally: Tally) -> None:
    tally.counter(JOBS_RESENT).add()
    tally.counter(JOBS_RESENT).add(2.5)

    assert tally.totals() == {(JOBS_RESENT.name,): [3.5]}


def test_a_value_that_equals_a_bound_lies_below_it(tally: Tally) -> None:
    tally.histogram(MESSAGE_ROWS).observe(2.0)

    assert tally.totals()[MESSAGE_ROWS.name,][ROWS_BELOW_TWO] == 1.0


def test_a_value_beyond_every_bound_is_in_the_last_bucket(tally: Tally) -> None:
    tally.histogram(MESSAGE_ROWS).observe(1_001.0)

    assert tally.totals()[MESSAGE_ROWS.name,][-2:] == [1.0, 1_001.0]


def test_the_buckets_and_the_sum_of_a_histogram_agree(tally: Tally) -> None:
    tally.histogram(MESSAGE_ROWS).observe(3.0)
    tally.histogram(MESSAGE_ROWS).observe(700.0)

    *buckets, total = tally.totals()[MESSAGE_ROWS.name,]
    assert (sum(buckets), total) == (2.0, 703.0)


def test_both_are_counted_when_they_are_counted_together(tally: Tally) -> None:
    requests, rows = tally.counter(HTTP_REQUESTS, "GET", "/livez", "200"), tally.histogram(MESSAGE_ROWS)

    rows.observe_with(requests, 2.0)

    totals = tally.totals()
    assert totals[HTTP_REQUESTS.name, "GET", "/livez", "200"] == [1.0]
    assert totals[MESSAGE_ROWS.name,][ROWS_BELOW_TWO] == 1.0


def test_each_combination_of_labels_counts_for_itself(tally: Tally) -> None:
    tally.histogram(PREDICT_SECONDS, "gender", "1").observe(0.01)
    tally.histogram(PREDICT_SECONDS, "gender", "2").observe(0.02)
    tally.counter(PROBLEMS, "not_found").add()

    assert {series: numbers[-1] for series, numbers in tally.totals().items()} == {
        (PREDICT_SECONDS.name, "gender", "1"): 0.01,
        (PREDICT_SECONDS.name, "gender", "2"): 0.02,
        (PROBLEMS.name, "not_found"): 1.0,
    }


def test_somebody_else_reads_what_is_counted(tally: Tally, memory: memoryview) -> None:
    tally.counter(PROBLEMS, 'with "quotes" and\nlines').add()

    assert read_totals(memory) == {(PROBLEMS.name, 'with "quotes" and\nlines'): [1.0]}


def test_a_tally_goes_on_where_the_one_before_it_ended(tally: Tally, memory: memoryview) -> None:
    tally.histogram(MESSAGE_ROWS).observe(1.0)
    tally.counter(PROBLEMS, "not_found").add()

    successor = Tally(memory)
    successor.counter(PROBLEMS, "not_found").add()
    successor.counter(PROBLEMS, "internal_error").add()

    assert successor.totals() == {
        (MESSAGE_ROWS.name,): [1.0, *[0.0] * (len(MESSAGE_ROWS.cells) - 2), 1.0],
        (PROBLEMS.name, "not_found"): [2.0],
        (PROBLEMS.name, "internal_error"): [1.0],
    }


def test_a_label_with_endless_values_is_found_out(tally: Tally) -> None:
    with pytest.raises(MemoryError, match="label"):
        [tally.counter(PROBLEMS, str(number)) for number in range(CELLS + 1)]


def test_the_totals_of_two_processes_are_added_up() -> None:
    totals: Totals = {("both",): [1.0, 2.0], ("one",): [5.0]}

    add_totals(totals, {("both",): [10.0, 20.0], ("other",): [7.0]})

    assert totals == {("both",): [11.0, 22.0], ("one",): [5.0], ("other",): [7.0]}
