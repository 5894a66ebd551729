"""Everything that a client can make large has a limit: what reaches it is taken, and one more is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.list_query import MAX_LIMIT
from api.submissions import MAX_JSON_DEPTH
from api.terms import MAX_CLIENT_ID, MAX_KEY, MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_TEXT
from shared.manifest import Feature
from shared.registry import ServedModel
from tests.asgi import AsgiServer, Exchange, body_messages, scope
from tests.builders import manifest, record, success
from tests.unit.api.conftest import Api, ApiMaker, document_of, front_of

MAX_BODY_BYTES = 4_096
MAX_ROWS = 5
MAX_TEXT = 20
KEY = {"Idempotency-Key": "order-4711"}


@dataclass(frozen=True, slots=True)
class Route:
    """A route that takes rows of the one text `note`, and how they are written for it."""

    path: str
    write: Callable[[Sequence[str]], Any]
    method: str = "POST"
    media_type: str = "application/json"
    status: int = 200


def write_table(notes: Sequence[str]) -> str:
    return "note\n" + "".join(f"{note}\n" for note in notes)


def write_tensor(notes: Sequence[str]) -> Any:
    return {"inputs": [{"name": "note", "shape": [len(notes)], "datatype": "BYTES", "data": list(notes)}]}


def records(notes: Sequence[str]) -> list[dict[str, str]]:
    return [{"note": note} for note in notes]


ROUTES = {
    "submit": Route("/v1/predictions", lambda notes: {"input": records(notes)}, status=202),
    "an id of your own": Route("/v1/predictions/mine", lambda notes: {"input": records(notes)}, "PUT", status=202),
    "predict": Route("/v1/models/gender/predict", records),
    "infer": Route("/v2/models/gender/infer", write_tensor),
    "MLflow": Route("/invocations", lambda notes: {"dataframe_records": records(notes)}),
    "MLflow with a table": Route("/invocations", write_table, media_type="text/csv"),
    "SageMaker": Route("/endpoints/gender/invocations", lambda notes: {"instances": records(notes)}),
    "SageMaker with a table": Route("/endpoints/gender/invocations", write_table, media_type="text/csv"),
}
each_route = pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit, and what makes a request that has so much of something."""

    most: int
    make: Callable[[int], Any]
    code: str


def with_members(**members: Any) -> dict[str, Any]:
    return {"input": {"note": "short"}, **members}


#: Of what a client says of its job besides the rows.
LIMITS = {
    "texts of metadata": Limit(
        MAX_METADATA, lambda n: with_members(metadata={str(i): "" for i in range(n)}), "out_of_range"
    ),
    "characters of a text of metadata": Limit(
        MAX_METADATA_TEXT, lambda n: with_members(metadata={"order": "x" * n}), "out_of_range"
    ),
    "characters of a name in metadata": Limit(
        MAX_METADATA_NAME, lambda n: with_members(metadata={"x" * n: ""}), "out_of_range"
    ),
    "seconds of retention": Limit(86_400, lambda n: with_members(retain_for=n), "out_of_range"),
}


@pytest.fixture
def small_api(make_api: ApiMaker) -> Api:
    """A service with small limits, whose model takes a text."""
    note = Feature(name="note", type="text", example="short", maximum_length=MAX_TEXT)
    served = ServedModel(manifest(features=(note,)), is_ready=True)
    return make_api(models=[served], max_body_bytes=MAX_BODY_BYTES, max_rows=MAX_ROWS)


@pytest.fixture
def answering_api(small_api: Api) -> Api:
    """The same, with workers that answer at once."""
    small_api.broker.outcome = success()
    return small_api


@pytest.fixture
def client(small_api: Api) -> FlaskClient:
    return small_api.client


def send(api: Api, route: Route, document: Any, *, size_bytes: int = 0) -> TestResponse:
    """Send a document; size_bytes: how long its body is made, by what means nothing."""
    body = document.encode() if isinstance(document, str) else orjson.dumps(document)
    filler = b"\n" if route.media_type == "text/csv" else b" "
    body += filler * (size_bytes - len(body))
    return api.client.open(route.path, method=route.method, data=body, content_type=route.media_type)


def post(client: FlaskClient, body: Any, headers: dict[str, str] | None = None) -> TestResponse:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return client.post("/v1/predictions", data=data, content_type="application/json", headers=headers)


def codes_of(response: TestResponse) -> set[str]:
    document = document_of(response)
    return {document["code"]} | {error["code"] for error in document.get("errors", [])}


@each_route
def test_the_longest_body_is_taken(answering_api: Api, route: Route) -> None:
    response = send(answering_api, route, route.write(["short"]), size_bytes=MAX_BODY_BYTES)

    assert response.status_code == route.status


@each_route
def test_one_byte_more_is_refused(answering_api: Api, route: Route) -> None:
    response = send(answering_api, route, route.write(["short"]), size_bytes=MAX_BODY_BYTES + 1)

    assert (response.status_code, codes_of(response)) == (413, {"body_too_large"})


@each_route
def test_the_most_rows_are_taken(answering_api: Api, route: Route) -> None:
    assert send(answering_api, route, route.write(["short"] * MAX_ROWS)).status_code == route.status


@each_route
def test_one_row_more_is_refused(answering_api: Api, route: Route) -> None:
    response = send(answering_api, route, route.write(["short"] * (MAX_ROWS + 1)))

    assert (response.status_code, codes_of(response)) == (422, {"invalid_input", "row_count"})


@each_route
def test_the_longest_text_is_taken(answering_api: Api, route: Route) -> None:
    assert send(answering_api, route, route.write(["x" * MAX_TEXT])).status_code == route.status


@each_route
def test_one_character_more_is_refused(answering_api: Api, route: Route) -> None:
    response = send(answering_api, route, route.write(["x" * (MAX_TEXT + 1)]))

    assert (response.status_code, codes_of(response)) == (422, {"invalid_input", "out_of_range"})


@pytest.mark.parametrize("route", [ROUTES["submit"], ROUTES["an id of your own"]], ids=["POST", "PUT"])
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_what_reaches_a_limit_is_taken(small_api: Api, limit: Limit, route: Route) -> None:
    assert send(small_api, route, limit.make(limit.most)).status_code == 202


@pytest.mark.parametrize("route", [ROUTES["submit"], ROUTES["an id of your own"]], ids=["POST", "PUT"])
@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_one_more_than_a_limit_is_refused(small_api: Api, limit: Limit, route: Route) -> None:
    response = send(small_api, route, limit.make(limit.most + 1))

    assert (response.status_code, codes_of(response)) == (422, {"invalid_input", limit.code})


@pytest.mark.parametrize(("size", "status"), [(MAX_KEY, 202), (MAX_KEY + 1, 400)])
def test_an_idempotency_key_has_a_longest_length(client: FlaskClient, size: int, status: int) -> None:
    assert post(client, with_members(), {"Idempotency-Key": "x" * size}).status_code == status


@pytest.mark.parametrize(("size", "status"), [(MAX_CLIENT_ID, 202), (MAX_CLIENT_ID + 1, 400)])
def test_an_id_of_your_own_has_a_longest_length(client: FlaskClient, size: int, status: int) -> None:
    assert client.put(f"/v1/predictions/{'x' * size}", json=with_members()).status_code == status


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/batches"])
@pytest.mark.parametrize(("size", "status"), [(MAX_LIMIT, 200), (MAX_LIMIT + 1, 422)])
def test_a_page_of_a_list_has_a_largest_size(client: FlaskClient, path: str, size: int, status: int) -> None:
    assert client.get(f"{path}?limit={size}").status_code == status


def nested(levels: int) -> bytes:
    """Return an input of so many arrays inside each other; the object around them is a level too."""
    return b'{"input":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


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


@pytest.mark.parametrize("levels", [MAX_JSON_DEPTH, 300, 1_000], ids=["some", "hundreds", "a thousand"])
@pytest.mark.parametrize("member", ["input", "inputs", "instances", "dataframe_records", "dataframe_split", "note"])
@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES.values() if route.method == "POST"}))
def test_no_document_is_so_deep_that_it_breaks_a_route(
    client: FlaskClient, path: str, member: str, levels: int
) -> None:
    document = nested(levels).replace(b"input", member.encode())

    response = client.post(path, data=document, content_type="application/json")

    assert response.status_code in (400, 422)


@each_route
def test_a_body_of_unknown_length_is_read_up_to_the_limit_only(small_api: Api, route: Route) -> None:
    headers = [(b"content-type", route.media_type.encode()), (b"transfer-encoding", b"chunked")]
    piece = b" " * MAX_BODY_BYTES
    exchange = Exchange(body_messages(piece, b" ", *[piece] * 8))

    with AsgiServer(front_of(small_api)) as server:
        server.answer(scope(route.method, route.path, headers=headers), exchange)

    assert (exchange.status, orjson.loads(exchange.body)["code"]) == (413, "body_too_large")
    assert exchange.received < len(exchange.messages)


@pytest.mark.parametrize("member", ["model", "version"])
def test_a_name_of_any_length_is_answered_briefly(client: FlaskClient, member: str) -> None:
    response = post(client, {"input": record(), member: "x" * 3_000})

    assert response.status_code == 404
    assert len(response.data) < 1_000
