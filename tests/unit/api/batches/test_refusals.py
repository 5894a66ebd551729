"""What a client sees of a file or a parameter that is refused: why, and that nothing is kept."""

import gzip
from pathlib import Path

import orjson
import pytest
from werkzeug.test import TestResponse

from tests.asgi import AsgiServer, Exchange, body_messages, scope
from tests.unit.api.batches.conftest import CSV, NEVER_GIVEN_OUT, files_in, submit
from tests.unit.api.conftest import Api, ApiMaker, document_of, front_of


def codes(response: TestResponse) -> list[tuple[str, str]]:
    return [(note["pointer"], note["code"]) for note in document_of(response)["errors"]]


@pytest.mark.parametrize("query", ["?model=gendre", "?version=7", "?model=gender&version=7"])
def test_a_model_that_is_not_served_is_not_found(api: Api, tmp_path: Path, query: str) -> None:
    response = submit(api, query=query)

    assert (response.status_code, document_of(response)["code"]) == (404, "model_not_found")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [pytest.param(CSV + b"181,Ada,44\n" * 100, id="as sent"), pytest.param(gzip.compress(CSV * 100), id="unpacked")],
)
def test_a_file_over_the_limit_is_too_large(make_api: ApiMaker, tmp_path: Path, body: bytes) -> None:
    api = make_api(max_upload_bytes=1_000)

    response = submit(api, body)

    assert (response.status_code, document_of(response)["code"]) == (413, "upload_too_large")
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


def test_a_file_of_unknown_length_over_the_limit_is_too_large(make_api: ApiMaker, tmp_path: Path) -> None:
    api = make_api(max_upload_bytes=1_000)
    headers = [(b"content-type", b"text/csv"), (b"transfer-encoding", b"chunked")]
    exchange = Exchange(body_messages(CSV, b"181,Ada,44\n" * 100))

    with AsgiServer(front_of(api)) as server:
        server.answer(scope("POST", "/v1/batches", headers=headers), exchange)

    assert (exchange.status, orjson.loads(exchange.body)["code"]) == (413, "upload_too_large")
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


def test_the_address_of_a_file_is_no_longer_than_any_other_document(make_api: ApiMaker) -> None:
    api = make_api(max_body_bytes=1_000)

    response = submit(api, b'{"input_url": "s3://' + b"x" * 1_000 + b'"}', content_type="application/json")

    assert (response.status_code, document_of(response)["code"]) == (413, "body_too_large")


def test_a_file_may_be_as_large_as_the_limit(make_api: ApiMaker) -> None:
    api = make_api(max_upload_bytes=len(CSV), max_body_bytes=10)

    assert submit(api).status_code == 202


def test_a_body_that_ends_too_early_leaves_no_file(api: Api, tmp_path: Path) -> None:
    response = submit(api, environ_overrides={"CONTENT_LENGTH": str(len(CSV) + 10)})

    assert response.status_code == 400
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "image/png"])
def test_a_body_of_another_type_is_not_supported(api: Api, content_type: str) -> None:
    response = submit(api, content_type=content_type)

    document = document_of(response)
    assert (response.status_code, document["code"]) == (415, "unsupported_media_type")
    assert "text/csv" in document["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Range": "bytes 0-99/1000"}, id="a range of RFC 9110"),
        pytest.param({"Tus-Resumable": "1.0.0", "Upload-Length": "1000"}, id="tus"),
        pytest.param({"Upload-Complete": "?0"}, id="the IETF's draft"),
    ],
)
@pytest.mark.parametrize("content_type", ["text/csv", "application/offset+octet-stream"])
def test_a_part_of_a_file_is_refused_and_not_stored(
    api: Api, tmp_path: Path, headers: dict[str, str], content_type: str
) -> None:
    response = submit(api, content_type=content_type, headers=headers)

    assert (response.status_code, document_of(response)["code"]) == (400, "upload_not_resumable")
    assert next(iter(headers)) in document_of(response)["detail"]
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/v1/batches", NEVER_GIVEN_OUT + "/retry"])
def test_a_method_that_would_resume_an_upload_is_not_allowed(api: Api, method: str, path: str) -> None:
    response = api.client.open(path, method=method, data=CSV, content_type="text/csv")

    assert (response.status_code, response.mimetype) == (405, "application/problem+json")
    assert set(response.headers["Allow"].split(", ")) - {"GET", "HEAD"} == {"POST", "OPTIONS"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", [("", "empty_file")], id="empty"),
        pytest.param(b"height,shoe_size\n", [("", "no_rows")], id="header only"),
        pytest.param("height,shoe_size\n1,2\n".encode("utf-16"), [("", "unsupported_encoding")], id="UTF-16"),
        pytest.param(b"PK\x03\x04\0\0", [("", "not_csv")], id="a spreadsheet"),
        pytest.param(b"x" * (1 << 20) + b"\n1\n", [("", "header_too_long")], id="no end of line"),
        pytest.param(b"height\n181\n", [("/columns/shoe_size", "missing_column")], id="missing column"),
        pytest.param(
            b"height,Height,shoe_size\n1,2,3\n", [("/columns/height", "ambiguous_column")], id="ambiguous column"
        ),
        pytest.param(b"height,shoe_size" + b",x" * 9_999 + b"\n1\n", [("", "too_many_columns")], id="many columns"),
        pytest.param(gzip.compress(CSV)[:-9], [("", "bad_compression")], id="damaged"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_and_not_stored(
    api: Api, tmp_path: Path, body: bytes, expected: list[tuple[str, str]]
) -> None:
    response = submit(api, body)

    assert (response.status_code, document_of(response)["code"]) == (422, "invalid_input")
    assert codes(response) == expected
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("?on_eror=abort", ["/query/on_eror"], id="no such parameter"),
        pytest.param("?on_error=stop", ["/query/on_error"], id="on_error"),
        pytest.param("?max_error_ratio=5%25", ["/query/max_error_ratio"], id="a percentage"),
        pytest.param("?max_error_ratio=1.1", ["/query/max_error_ratio"], id="more than all"),
        pytest.param("?max_error_ratio=-0.1", ["/query/max_error_ratio"], id="less than none"),
        pytest.param("?max_error_ratio=nan", ["/query/max_error_ratio"], id="NaN"),
        pytest.param("?dry_run=perhaps", ["/query/dry_run"], id="dry_run"),
        pytest.param("?formulas=yes", ["/query/formulas"], id="formulas"),
        pytest.param("?formulas=escape&delimiter='", ["/query/formulas"], id="a mark that is the delimiter"),
        pytest.param("?column=height", ["/query/column"], id="a column without a header"),
        pytest.param("?column=:x", ["/query/column"], id="a column without a feature"),
        pytest.param("?column=height:Height%20(cm)&column=height:name", ["/query/column"], id="a feature twice"),
        pytest.param("?column=height:x&column=shoe_size:%20x", ["/query/column"], id="a column twice"),
        pytest.param("?column=hieght:name", ["/query/column"], id="a column of no feature"),
        pytest.param("?on_error=stop&dry_run=2", ["/query/on_error", "/query/dry_run"], id="several"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(api: Api, query: str, expected: list[str]) -> None:
    response = submit(api, query=query)

    assert response.status_code == 422
    assert codes(response) == [(pointer, "bad_parameter") for pointer in expected]


@pytest.mark.parametrize(
    "parameter", ["on_error=abort", "max_error_ratio=0", "max_error_ratio=1", "dry_run=FALSE", "formulas=keep"]
)
def test_a_parameter_that_can_be_is_accepted(api: Api, parameter: str) -> None:
    assert submit(api, query=f"?{parameter}").status_code == 202


def test_an_unknown_parameter_comes_with_the_nearest_one(api: Api) -> None:
    response = submit(api, query="?on_eror=abort")

    assert "'on_error'" in document_of(response)["detail"]
