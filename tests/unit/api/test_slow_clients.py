"""A request whose body does not come is answered as that, and nothing of it is kept."""

from pathlib import Path

import orjson
import pytest

from tests.asgi import AsgiServer, Exchange, Message, scope
from tests.unit.api.conftest import ApiMaker, front_of

#: Werkzeug leaves the file of a form that breaks off to the interpreter, which closes and so deletes it.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")

#: Shorter than a test may take, and longer than a machine with other work stands still.
PATIENCE = 0.3
ROUTES = {
    "a prediction": ("/v1/predictions", b"application/json"),
    "a bare answer": ("/v1/models/gender/predict", b"application/json"),
    "a file": ("/v1/batches", b"text/csv"),
    "a file in a form": ("/v1/batches", b"multipart/form-data; boundary=x"),
    "a tensor": ("/v2/models/gender/infer", b"application/json"),
    "rows for MLflow": ("/invocations", b"text/csv"),
    "rows for SageMaker": ("/endpoints/gender/invocations", b"text/csv"),
}
LENGTHS = {"with a length": (b"content-length", b"900"), "without a length": (b"transfer-encoding", b"chunked")}
BEGINNINGS: dict[bytes, bytes] = {
    b"application/json": b'{"input": {"height": 181,',
    b"text/csv": b"height,shoe_size\n181,44\n160,",
    b"multipart/form-data; boundary=x": (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nheight,shoe_size\n181,44\n'
    ),
}


def beginning(piece: bytes) -> list[Message]:
    return [{"type": "http.request", "body": piece, "more_body": True}]


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize(("path", "media_type"), ROUTES.values(), ids=ROUTES)
def test_a_body_that_stops_coming_is_answered_as_that(
    make_api: ApiMaker, path: str, media_type: bytes, length: tuple[bytes, bytes]
) -> None:
    asked = scope("POST", path, headers=[(b"content-type", media_type), length])
    exchange = Exchange(beginning(BEGINNINGS[media_type]))

    with AsgiServer(front_of(make_api(), patience_seconds=PATIENCE)) as server:
        server.answer(asked, exchange)

    document = orjson.loads(exchange.body)
    assert (exchange.status, document["code"], document["title"]) == (408, "request_too_slow", "Request time-out")
    assert document["retryable"]


@pytest.mark.parametrize("media_type", [b"text/csv", b"multipart/form-data; boundary=x"], ids=["raw", "form"])
def test_nothing_is_left_of_a_file_that_stops_coming(make_api: ApiMaker, tmp_path: Path, media_type: bytes) -> None:
    asked = scope("POST", "/v1/batches", headers=[(b"content-type", media_type), (b"content-length", b"9000000")])
    begun = BEGINNINGS[media_type] + b"181,44\n" * 300_000
    exchange = Exchange(beginning(begun))

    with AsgiServer(front_of(make_api(), patience_seconds=PATIENCE)) as server:
        server.answer(asked, exchange)

    assert exchange.status == 408
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_job_comes_of_a_body_that_stops_coming(make_api: ApiMaker) -> None:
    api = make_api()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"90")]
    exchange = Exchange(beginning(b'{"input": {"height": 181, "shoe_size": 44}}'))

    with AsgiServer(front_of(api, patience_seconds=PATIENCE)) as server:
        server.answer(scope("POST", "/v1/predictions", headers=headers), exchange)

    assert exchange.status == 408
    assert api.client.get("/v1/predictions").get_json()["data"] == []
