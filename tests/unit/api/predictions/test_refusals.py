"""What a client sees of a request that is refused: which field, and why."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from shared.registry import ServedModel
from tests.builders import manifest, record
from tests.unit.api.conftest import Api, ApiMaker, document_of
from tests.unit.api.predictions.conftest import pointers_and_codes

BODY = b'{"input": {"height": 181, "shoe_size": 44}}'


def two_models() -> list[ServedModel]:
    return [ServedModel(manifest(name=name), is_ready=True) for name in ("age", "gender")]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"height=181", id="a form"),
        pytest.param(b'{"input": {"height": 181,', id="truncated"),
        pytest.param(b'{"input": {"height": NaN, "shoe_size": 44}}', id="NaN"),
        pytest.param(b'{"input": {"height": Infinity, "shoe_size": 44}}', id="Infinity"),
        pytest.param(b'{"input": {"height": 1e999, "shoe_size": 44}}', id="more than a number can hold"),
        pytest.param(b'{"input": {"height": "\xff", "shoe_size": 44}}', id="invalid UTF-8"),
        pytest.param(b'{"input": {"height": "\\ud800", "shoe_size": 44}}', id="half a character"),
        pytest.param(b"[" * 5_000 + b"]" * 5_000, id="nested without end"),
    ],
)
def test_a_body_that_is_no_json_is_malformed(api: Api, body: bytes) -> None:
    response = api.client.post("/v1/predictions", data=body, content_type="application/json")

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/models/gender/predict"])
@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        pytest.param("gzip", gzip.compress, id="gzip"),
        pytest.param("deflate", zlib.compress, id="deflate"),
        pytest.param("br", lambda body: b"\x0b\x15\x80" + body, id="brotli"),
    ],
)
def test_a_packed_body_is_refused_with_what_to_send(
    api: Api, path: str, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    response = api.client.post(
        path, data=pack(BODY), content_type="application/json", headers={"Content-Encoding": encoding}
    )

    document = document_of(response)
    assert (response.status_code, document["code"]) == (415, "unsupported_media_type")
    assert document["detail"] == "Send the JSON as it is, without Content-Encoding."


def test_a_body_that_ends_too_early_is_malformed(api: Api) -> None:
    whole = b'{"input": {"height": 181, "shoe_size": 44}}'

    response = api.client.post(
        "/v1/predictions",
        data=whole,
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(len(whole) + 10)},
    )

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/models/gender/predict"])
def test_a_deadline_that_cannot_be_read_is_malformed(api: Api, path: str) -> None:
    response = api.client.post(path, json={"input": record()}, headers={"Cancel-After": "soon"})

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


@pytest.mark.parametrize(
    ("members", "hint"),
    [
        pytest.param({"model": "gendre"}, "'gender'", id="model"),
        pytest.param({"model": ""}, "gender", id="model without a name"),
        pytest.param({"version": "7"}, "it has 1", id="version"),
    ],
)
def test_a_model_that_is_not_served_is_not_found(api: Api, members: dict[str, Any], hint: str) -> None:
    response = api.submit(**members)

    document = document_of(response)
    assert (response.status_code, document["code"]) == (404, "model_not_found")
    assert hint in document["detail"]


def test_several_models_need_a_name(make_api: ApiMaker) -> None:
    api = make_api(models=two_models())

    response = api.submit()

    assert (response.status_code, document_of(response)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param([], ("", "wrong_type"), id="the body is no object"),
        pytest.param({}, ("/input", "missing_value"), id="no input"),
        pytest.param({"input": record(), "modle": "x"}, ("/modle", "unknown_field"), id="an unknown member"),
        pytest.param({"input": record(), "model": 5}, ("/model", "wrong_type"), id="a model that is no string"),
        pytest.param({"input": record(), "version": 1}, ("/version", "wrong_type"), id="a version that is no string"),
        pytest.param({"input": None}, ("/input", "wrong_type"), id="null instead of a record"),
        pytest.param({"input": 181}, ("/input", "wrong_type"), id="a number instead of a record"),
        pytest.param({"input": []}, ("/input", "row_count"), id="no records"),
        pytest.param({"input": [record()] * 4}, ("/input", "row_count"), id="too many records"),
        pytest.param({"input": [record(), 5]}, ("/input/1", "wrong_type"), id="a number among records"),
        pytest.param({"input": record(height=None)}, ("/input/height", "missing_value"), id="null"),
        pytest.param({"input": {"height": 181}}, ("/input/shoe_size", "missing_value"), id="an absent feature"),
        pytest.param({"input": record(weight=80)}, ("/input/weight", "unknown_field"), id="an unknown feature"),
        pytest.param({"input": record(**{"a/b~": 1})}, ("/input/a~1b~0", "unknown_field"), id="an escaped name"),
        pytest.param({"input": record(height="181")}, ("/input/height", "not_a_number"), id="a numeric string"),
        pytest.param({"input": record(height=True)}, ("/input/height", "not_a_number"), id="a boolean"),
        pytest.param({"input": record(height=[181])}, ("/input/height", "not_a_number"), id="a list"),
        pytest.param({"input": record(height=1.81)}, ("/input/height", "out_of_range"), id="metres"),
        pytest.param({"input": [record(), record(height=999)]}, ("/input/1/height", "out_of_range"), id="second row"),
        pytest.param(
            {"input": record(), "a/b": 1},
            ("/a~1b", "unknown_field"),
            id="an escaped member",
        ),
    ],
)
def test_input_that_does_not_fit_is_refused_at_its_place(
    make_api: ApiMaker, body: object, expected: tuple[str, str]
) -> None:
    api = make_api(max_rows=3)

    response = api.client.post("/v1/predictions", json=body)

    document = document_of(response)
    assert (response.status_code, document["code"]) == (422, "invalid_input")
    assert pointers_and_codes(document) == [expected]


def test_every_bad_field_is_named_at_once(api: Api) -> None:
    response = api.submit([record(height=1.81), record(shoe_size="44", height=999)])

    assert pointers_and_codes(document_of(response)) == [
        ("/input/0/height", "out_of_range"),
        ("/input/1/height", "out_of_range"),
        ("/input/1/shoe_size", "not_a_number"),
    ]


def test_refused_input_is_not_accepted(api: Api) -> None:
    api.submit(record(height=1.81))

    assert api.broker.sent == []


def test_an_answer_names_no_more_than_a_hundred_errors(api: Api) -> None:
    response = api.submit([record(height=0)] * 200)

    assert len(document_of(response)["errors"]) == 100


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/v1/predictions", [], id="submit"),
        pytest.param("/v1/models/gender/predict", 5, id="predict"),
    ],
)
def test_the_sentence_about_a_whole_body_begins_with_a_word(api: Api, path: str, body: object) -> None:
    document = document_of(api.client.post(path, json=body))

    assert not document["detail"].startswith(":")


def test_a_body_over_the_limit_is_too_large(make_api: ApiMaker) -> None:
    response = make_api(max_body_bytes=20).submit()

    assert (response.status_code, document_of(response)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("content_type", [None, "text/csv", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_of_another_type_is_not_supported(api: Api, content_type: str | None) -> None:
    response = api.client.post("/v1/predictions", data=b'{"input": {}}', content_type=content_type)

    assert (response.status_code, document_of(response)["code"]) == (415, "unsupported_media_type")
