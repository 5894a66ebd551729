"""Everything that a client can make large has a limit: what reaches it is taken, and one more is refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.flask_on_loop import FlaskOnLoop
from api.submissions import MAX_JSON_DEPTH
from api.terms import MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_TEXT
from shared.manifest import Feature
from shared.registry import ServedModel
from tests.asgi import PATIENCE_SECONDS, AsgiServer, Exchange, body_messages, scope
from tests.builders import manifest, record
from tests.unit.api.conftest import ApiMaker, document_of

MAX_BODY_BYTES = 4_096
MAX_ROWS = 5
MAX_TEXT = 20
KEY = {"Idempotency-Key": "order-4711"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit, and what makes a request that has so much of something."""

    most: int
    make: Callable[[int], Any]
    status: int
    code: str
    headers: dict[str, str] = field(default_factory=dict)


def nested(levels: int) -> bytes:
    """Return an input of so many arrays inside each other; the object around them is a level too."""
    return b'{"input":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def body_of(size_bytes: int) -> bytes:
    body = orjson.dumps({"input": {"note": "short"}})
    return body + b" " * (size_bytes - len(body))


LIMITS = {
    "bytes of a body": Limit(MAX_BODY_BYTES, body_of, 413, "body_too_large"),
    "rows": Limit(MAX_ROWS, lambda n: {"input": [{"note": "short"}] * n}, 422, "row_count"),
    "characters of a value": Limit(MAX_TEXT, lambda n: {"input": {"note": "x" * n}}, 422, "out_of_range"),
    "texts of metadata": Limit(
        MAX_METADATA,
        lambda n: {"input": {"note": "short"}, "metadata": {str(i): "" for i in range(n)}},
        422,
        "out_of_range",
    ),
    "characters of a text of metadata": Limit(
        MAX_METADATA_TEXT,
        lambda n: {"input": {"note": "short"}, "metadata": {"order": "x" * n}},
        422,
        "out_of_range",
    ),
    "characters of a name in metadata": Limit(
        MAX_METADATA_NAME,
        lambda n: {"input": {"note": "short"}, "metadata": {"x" * n: ""}},
        422,
        "out_of_range",
    ),
    "seconds of retention": Limit(86_400, lambda n: {"input": {"note": "short"}, "retain_for": n}, 422, "out_of_range"),
}


@pytest.fixture
def client(make_api: ApiMaker) -> FlaskClient:
    """A client of a service with small limits, whose model takes a text."""
    note = Feature(name="note", type="text", example="short", maximum_length=MAX_TEXT)
    served = ServedModel(manifest(features=(note,)), is_ready=True)
    return make_api(models=[served], max_body_bytes=MAX_BODY_BYTES, max_rows=MAX_ROWS).client


def post(client: FlaskClient, body: Any, headers: dict[str, str] | None = None) -> TestResponse:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return client.post("/v1/predictions", data=data, content_type="application/json", headers=headers)


def codes_of(response: TestResponse) -> set[str]:
    document = document_of(response)
    return {document["code"]} | {error["code"] for error in document.get("errors", [])}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_what_reaches_a_limit_is_taken(client: FlaskClient, limit: Limit) -> None:
    assert post(client, limit.make(limit.most)).status_code == 202


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_one_more_than_a_limit_is_refused(client: FlaskClient, limit: Limit) -> None:
    response = post(client, limit.make(limit.most + 1))

    assert response.status_code == limit.status
    assert limit.code in codes_of(response)


@pytest.mark.parametrize("headers", [{}, KEY], ids=["plain", "with an idempotency key"])
@pytest.mark.parametrize("levels", [MAX_JSON_DEPTH + 1, 300, 1_000], ids=["one more", "hundreds", "a thousand"])
def test_arrays_inside_each_other_are_refused_beyond_a_depth(
    client: FlaskClient, levels: int, headers: dict[str, str]
) -> None:
    response = post(client, nested(levels), headers)

    assert (response.status_code, codes_of(response)) == (422, {"invalid_input", "too_deep"})


def test_arrays_inside_each_other_are_looked_into_up_to_a_depth(client: FlaskClient) -> None:
    response = post(client, nested(MAX_JSON_DEPTH))

    assert (response.status_code, codes_of(response)) == (422, {"invalid_input", "wrong_type"})


def test_a_body_of_unknown_length_is_read_up_to_the_limit_only(client: FlaskClient) -> None:
    application: Any = client.application
    front = FlaskOnLoop(
        application,
        threads=2,
        patience_seconds=PATIENCE_SECONDS,
        never_blocks=application.never_blocks,
        express=application.express.answer,
    )
    headers = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    piece = body_of(MAX_BODY_BYTES)
    exchange = Exchange(body_messages(piece, b" ", *[piece] * 8))

    with AsgiServer(front) as server:
        server.answer(scope("POST", "/v1/predictions", headers=headers), exchange)

    assert (exchange.status, orjson.loads(exchange.body)["code"]) == (413, "body_too_large")
    assert exchange.received < len(exchange.messages)


@pytest.mark.parametrize("member", ["model", "version"])
def test_a_name_of_any_length_is_answered_briefly(client: FlaskClient, member: str) -> None:
    response = post(client, {"input": record(), member: "x" * 3_000})

    assert response.status_code == 404
    assert len(response.data) < 1_000
