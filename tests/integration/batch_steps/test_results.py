"""What comes back of a file: every row once, as it came, however the file is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.batches import BatchStatus
from tests.integration.batch_steps.conftest import HEADER, Workplace, failed_rows, people, thorough


@pytest.mark.parametrize(
    "chunk_bytes",
    [
        pytest.param(1, id="a chunk for each row"),
        pytest.param(15, id="about a row"),
        pytest.param(100, id="several rows"),
        pytest.param(len(people(40)) - len(HEADER), id="all rows exactly"),
        pytest.param(len(people(40)) - len(HEADER) - 1, id="one byte less than all rows"),
    ],
)
def test_any_size_of_chunk_gives_the_same_bytes(place: Workplace, chunk_bytes: int) -> None:
    document = people(40, r3=b"p3,,44,x", r17=b'"p\n17",tall,44,x', r40=b"p40,181,44")
    whole = place.score(document)

    cut = place.score(document, chunk_bytes=chunk_bytes)

    assert place.results(cut) == place.results(whole)
    assert place.errors(cut) == place.errors(whole)


RECORDS = st.sampled_from(
    [
        b"a,181,44,x",
        b"b,1.81,44,x",
        b"c,,44,x",
        b"d,181",
        b"e,181,44,x,y",
        b'"f\nf",181,44,"x\r\n,"',
        b'"g""g",199.5,44,5\'11"',
        b"",
        b'h,"181",44,"a,b"',
        b"\xff,160,40,x",
    ]
)


@thorough
@given(
    records=st.lists(RECORDS, min_size=1, max_size=12).filter(any),
    newline=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    chunk_bytes=st.integers(1, 120),
    is_terminated=st.booleans(),
)
def test_no_cut_changes_what_comes_back(
    place: Workplace, records: list[bytes], newline: bytes, chunk_bytes: int, is_terminated: bool
) -> None:
    document = HEADER.rstrip() + newline + newline.join(records) + newline * is_terminated
    whole = place.score(document)

    cut = place.score(document, chunk_bytes=chunk_bytes)

    assert (place.results(cut), place.errors(cut)) == (place.results(whole), place.errors(whole))
    assert place.find(cut).rows_total == place.find(cut).rows_done == len([record for record in records if record])


def test_a_row_comes_back_as_it_came_followed_by_what_the_model_says(place: Workplace) -> None:
    spec = place.score(HEADER + b'"a ""b""", 175 ,44,"x\ny"\r\n')

    assert place.results(spec) == b'"a ""b""", 175 ,44,"x\ny",female,0.5,0.5,ok,,\r\n'


def test_a_batch_counts_its_rows_and_what_is_wrong_with_them(place: Workplace) -> None:
    spec = place.score(people(30, r2=b"p2,,44,x", r9=b"p9,tall,44,x", r30=b"p30,,44,x"), chunk_bytes=100)

    batch = place.find(spec)
    assert (batch.status, batch.rows_total, batch.rows_done, batch.rows_failed) == (BatchStatus.COMPLETED, 30, 30, 3)
    assert batch.chunks_done == batch.chunks_total
    assert batch.errors_by_code == {"missing_value": 2, "not_a_number": 1}


def test_the_errors_number_the_rows_of_the_whole_file(place: Workplace) -> None:
    document = people(30, r1=b"p1,,44,x", r14=b"p14,tall,44,x", r30=b"p30,1.81,44,x").replace(b"\n", b"\n\n")

    spec = place.score(document, chunk_bytes=50)

    assert failed_rows(place.errors(spec)) == [(1, "missing_value"), (14, "not_a_number"), (30, "out_of_range")]


def test_a_chunk_without_bad_rows_has_no_file_of_errors(place: Workplace) -> None:
    document = people(3, r2=b"p2,,44,x")

    spec = place.score(document, chunk_bytes=1)

    assert place.written(spec) == [
        "00000000/results.csv",
        "00000001/errors.csv",
        "00000001/results.csv",
        "00000002/results.csv",
    ]


def test_a_quote_that_a_short_file_never_closes_fails_only_the_row_that_opens_it(place: Workplace) -> None:
    spec = place.score(people(5) + b'"open,181,44,x\na,181,44,x\n')

    batch = place.find(spec)
    assert (batch.status, batch.rows_total, batch.rows_failed) == (BatchStatus.COMPLETED, 6, 1)
    assert batch.errors_by_code == {"wrong_column_count": 1}
