"""What a client sees of results and errors: every byte, a range, or what is done so far."""

import gzip

import pytest

from shared.batch_files import result_key
from shared.batch_jobs import mend_job
from shared.batch_store import CANCELED
from shared.batches import BatchStatus, Part
from shared.registry import ServedModel
from tests.builders import manifest, mend
from tests.fakes import TimedRedisBatchStore
from tests.unit.api.batches.conftest import (
    ERRORS,
    HEADER,
    RESULTS,
    completed,
    get,
    running,
    split,
    submitted,
    write,
    write_part,
)
from tests.unit.api.conftest import Api, ApiMaker

RESULT_HEADER = HEADER + b",prediction,probability_female,probability_male,row_status,error_code,error_message\n"
ERROR_HEADER = HEADER + b",row_number,error_code,error_column,error_message\n"
#: The second chunk when its bad row is mended.
MENDED = b"160,Bob,37,female,0.9,0.1,ok,,\n159,Eve,40,female,0.8,0.2,ok,,\n"
WHOLE = RESULT_HEADER + b"".join(RESULTS)


def test_the_results_are_the_header_and_every_row_in_the_order_of_the_file(api: Api) -> None:
    response = get(api, completed(api), "/results")

    assert (response.status_code, response.data) == (200, WHOLE)
    assert (response.headers["X-Complete"], response.mimetype) == ("true", "text/csv")
    assert response.headers["Content-Length"] == str(len(WHOLE))


def test_the_errors_are_the_header_and_the_rows_without_a_prediction(api: Api) -> None:
    response = get(api, completed(api), "/errors")

    assert (response.status_code, response.data) == (200, ERROR_HEADER + ERRORS[1])


@pytest.mark.parametrize(
    ("body", "header"),
    [
        pytest.param(b"height;shoe_size\r\n181;44\r\n", b"height;shoe_size;prediction;", id="its delimiter"),
        pytest.param(b"\xef\xbb\xbfheight,shoe_size\n1,2\n", b"\xef\xbb\xbfheight,shoe_size,", id="its mark"),
        pytest.param(b"height,shoe_size,\xe4\n1,2,x\n", b"height,shoe_size,\xe4,prediction,", id="its encoding"),
        pytest.param(b'"Height",shoe_size\n1,2\n', b'"Height",shoe_size,prediction,', id="its quotes"),
        pytest.param(
            b"\xef\xbb\xbf\n\r\nheight,shoe_size\n1,2\n",
            b"\xef\xbb\xbfheight,shoe_size,prediction,",
            id="without empty lines before it",
        ),
    ],
)
def test_the_header_of_the_input_comes_back_untouched(api: Api, body: bytes, header: bytes) -> None:
    response = get(api, submitted(api, body), "/results")

    assert response.data.startswith(header)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        pytest.param(b"=a,height,shoe_size,-1\n1,2,3,4\n", b"'=a,height,shoe_size,-1,", id="a formula, and a number"),
        pytest.param(
            b'\xef\xbb\xbf\n"@a\n";height;shoe_size\n1;2;3\n', b'\xef\xbb\xbf"\'@a\n";height;', id="in quotes"
        ),
        pytest.param(b"'=a,height,shoe_size\n1,2,3\n", b"'=a,height,shoe_size,", id="escaped already"),
    ],
)
@pytest.mark.parametrize("what", ["/results", "/errors"])
def test_formulas_in_the_header_are_escaped_on_request(api: Api, body: bytes, header: bytes, what: str) -> None:
    response = get(api, submitted(api, body, "?formulas=escape"), what)

    assert response.data.startswith(header)


def test_formulas_in_the_header_come_back_untouched_unless_it_is_asked_otherwise(api: Api) -> None:
    response = get(api, submitted(api, b"=a,height,shoe_size\n1,2,3\n"), "/results")

    assert response.data.startswith(b"=a,height,")


def test_the_results_end_their_header_as_the_input_does(api: Api) -> None:
    response = get(api, submitted(api, b"height,shoe_size\r\n181,44\r\n"), "/results")

    assert response.data.endswith(b",row_status,error_code,error_message\r\n")


def test_a_class_that_holds_a_delimiter_is_quoted_in_the_header(make_api: ApiMaker) -> None:
    api = make_api(models=[ServedModel(manifest(classes=("a,b", 'c"d')), is_ready=True)])

    response = get(api, submitted(api), "/results")

    assert b',prediction,"probability_a,b","probability_c""d",row_status' in response.data


def test_the_rows_done_so_far_can_be_read_while_a_batch_runs(api: Api) -> None:
    response = get(api, running(api), "/results")

    assert (response.status_code, response.data) == (200, RESULT_HEADER + RESULTS[0])
    assert response.headers["X-Complete"] == "false"
    assert "ETag" not in response.headers


def test_rows_behind_a_gap_are_not_shown_yet(api: Api) -> None:
    batch_id = submitted(api)
    split(api, batch_id)
    write_part(api, batch_id, 1)

    assert get(api, batch_id, "/results").data == RESULT_HEADER


def test_the_rows_of_a_canceled_batch_can_be_read(api: Api) -> None:
    batch_id = running(api)
    api.batches.end(batch_id, BatchStatus.CANCELED, CANCELED)

    response = get(api, batch_id, "/results")

    assert (response.data, response.headers["X-Complete"]) == (RESULT_HEADER + RESULTS[0], "false")


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        pytest.param("bytes=0-9", 0, 10, id="within the header"),
        pytest.param("bytes=100-140", 100, 141, id="from the header into the rows"),
        pytest.param("bytes=150-", 150, len(WHOLE), id="to the end"),
        pytest.param("bytes=-20", len(WHOLE) - 20, len(WHOLE), id="the last ones"),
        pytest.param("bytes=150-99999", 150, len(WHOLE), id="past the end"),
        pytest.param(f"bytes={len(WHOLE) - 1}-", len(WHOLE) - 1, len(WHOLE), id="the last one"),
    ],
)
def test_a_range_of_finished_results_can_be_read(api: Api, wanted: str, start: int, stop: int) -> None:
    response = get(api, completed(api), "/results", Range=wanted)

    assert (response.status_code, response.data) == (206, WHOLE[start:stop])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(WHOLE)}"


@pytest.mark.parametrize("wanted", [f"bytes={len(WHOLE)}-", "bytes=99999-100000"])
def test_a_range_behind_the_end_cannot_be_satisfied(api: Api, wanted: str) -> None:
    response = get(api, completed(api), "/results", Range=wanted)

    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(WHOLE)}"


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param("bytes=0-1,5-6", id="several"),
        pytest.param("bytes=five-six", id="no numbers"),
        pytest.param("rows=1-2", id="another unit"),
    ],
)
def test_a_range_that_is_not_understood_is_ignored(api: Api, wanted: str) -> None:
    response = get(api, completed(api), "/results", Range=wanted)

    assert (response.status_code, response.data) == (200, WHOLE)


def test_a_range_of_results_that_still_grow_is_ignored(api: Api) -> None:
    response = get(api, running(api), "/results", Range="bytes=0-9")

    assert (response.status_code, response.data) == (200, RESULT_HEADER + RESULTS[0])


def test_a_range_of_the_same_file_is_continued(api: Api) -> None:
    batch_id = completed(api)
    etag = get(api, batch_id, "/results").headers["ETag"]

    response = get(api, batch_id, "/results", Range="bytes=150-", If_Range=etag)

    assert (response.status_code, response.data) == (206, WHOLE[150:])


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param('"another"', id="another etag"),
        pytest.param("Sat, 01 Jan 2022 00:00:00 GMT", id="a date"),
    ],
)
def test_a_range_of_what_may_be_another_file_is_not_continued(api: Api, condition: str) -> None:
    response = get(api, completed(api), "/results", Range="bytes=150-", If_Range=condition)

    assert (response.status_code, response.data) == (200, WHOLE)


def test_finished_results_that_a_client_has_are_not_sent_again(api: Api) -> None:
    batch_id = completed(api)
    etag = get(api, batch_id, "/results").headers["ETag"]

    response = get(api, batch_id, "/results", If_None_Match=etag)

    assert (response.status_code, response.data) == (304, b"")


@pytest.mark.parametrize(
    "accepted", ["gzip, deflate, br", "*", "gzip;q=0.5, identity;q=0.5", "deflate, gzip;q=1.0, *;q=0.5"]
)
def test_a_client_that_takes_gzip_gets_the_same_bytes_packed(api: Api, accepted: str) -> None:
    response = get(api, completed(api), "/results", Accept_Encoding=accepted)

    assert (response.status_code, gzip.decompress(response.data)) == (200, WHOLE)
    assert (response.headers["Content-Encoding"], response.headers["Accept-Ranges"]) == ("gzip", "none")
    assert "Content-Length" not in response.headers


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0.5, identity", "*;q=0"])
def test_another_gets_them_as_they_are(api: Api, accepted: str) -> None:
    response = get(api, completed(api), "/results", Accept_Encoding=accepted)

    assert (response.status_code, response.data) == (200, WHOLE)
    assert "Content-Encoding" not in response.headers


def test_rows_done_so_far_are_packed_too(api: Api) -> None:
    response = get(api, running(api), "/results", Accept_Encoding="gzip")

    assert gzip.decompress(response.data) == RESULT_HEADER + RESULTS[0]


def test_packed_results_are_another_representation_with_an_etag_of_its_own(api: Api) -> None:
    batch_id = completed(api)
    plain, packed = (get(api, batch_id, "/results", Accept_Encoding=how) for how in ("identity", "gzip"))

    again = [
        get(api, batch_id, "/results", Accept_Encoding="gzip", If_None_Match=response.headers["ETag"]).status_code
        for response in (plain, packed)
    ]

    assert again == [200, 304]
    assert [response.headers["Vary"] for response in (plain, packed)] == ["Accept-Encoding"] * 2


def test_a_range_is_of_the_bytes_as_they_are(api: Api) -> None:
    response = get(api, completed(api), "/results", Accept_Encoding="gzip", Range="bytes=150-")

    assert (response.status_code, response.data) == (206, WHOLE[150:])


def test_a_range_of_the_packed_file_is_not_continued(api: Api) -> None:
    batch_id = completed(api)
    etag = get(api, batch_id, "/results", Accept_Encoding="gzip").headers["ETag"]

    response = get(api, batch_id, "/results", Accept_Encoding="gzip", Range="bytes=150-", If_Range=etag)

    assert (response.status_code, response.data) == (200, WHOLE)


def test_results_and_errors_are_saved_under_names_of_their_own(api: Api) -> None:
    batch_id = completed(api)

    names = [get(api, batch_id, path).headers["Content-Disposition"] for path in ("/results", "/errors")]

    assert names == [f'attachment; filename="{batch_id}-{what}.csv"' for what in ("results", "errors")]


class StoreMendedMeanwhile(TimedRedisBatchStore):
    """A store in which a row is mended between a look at a batch and one at its parts."""

    is_mended = False

    def parts(self, batch_id: str) -> list[Part]:
        if not self.is_mended:
            self.is_mended = True
            batch = self.find(batch_id)
            assert batch is not None
            self.accept_mend(batch.spec, 1, mend(), mend_job(batch.spec, 1))
            self.replace_part(batch_id, 1, "t1", Part("t2", 2, 0, len(MENDED), 0))
            self.complete_mend(batch_id)
        return super().parts(batch_id)


def test_what_is_mended_while_a_download_begins_comes_with_its_own_etag(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreMendedMeanwhile)
    batch_id = completed(api)
    write(api, result_key(batch_id, 1, "t2"), MENDED)

    during, later = get(api, batch_id, "/results"), get(api, batch_id, "/results")

    assert during.data == RESULT_HEADER + RESULTS[0] + MENDED
    assert (during.data, during.headers["ETag"]) == (later.data, later.headers["ETag"])
