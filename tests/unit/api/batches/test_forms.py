"""A form that carries a file, and what a client is told whose form is made to be large."""

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.asgi import AsgiServer, Exchange, Message, scope
from tests.unit.api.batches.conftest import CSV, files_in
from tests.unit.api.conftest import Api, ApiMaker, document_of, front_of

#: Werkzeug leaves the file of a form that breaks off to the interpreter, which closes and so deletes it.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")

MEBIBYTE = 1 << 20
#: Far more than a form may need beside its file, and less than is read only to be dropped.
LARGE = 24 * MEBIBYTE
PIECE = b"x" * (1 << 16)
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + CSV + b"\r\n"
TEXT = b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\n'
END = b"--b--\r\n"


def post(api: Api, body: bytes) -> Any:
    return api.client.post("/v1/batches", data=body, content_type="multipart/form-data; boundary=b")


def pieces_of(beginning: bytes) -> Iterator[bytes]:
    """Yield a form whose one part never ends."""
    yield beginning
    yield from (PIECE for _ in range(LARGE // len(PIECE)))


def many_parts(part: bytes) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield from (part * 1_000 for _ in range(20))
        yield FILE + END

    return pieces


#: Forms that are made to be large, piece by piece.
LARGE_FORMS: dict[str, Callable[[], Iterator[bytes]]] = {
    "thousands of texts": many_parts(TEXT + b"x\r\n"),
    "thousands of empty files": many_parts(
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n\r\n'
    ),
    "a huge text": lambda: pieces_of(TEXT),
    "huge headers of a part": lambda: pieces_of(b'--b\r\nContent-Disposition: form-data; name="'),
    "a huge preamble": lambda: pieces_of(b"x"),
}


class GeneratedExchange(Exchange):
    """A client whose body is made as it is read, so that it takes no memory of ours."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__([])
        self._pieces = pieces

    async def receive(self) -> Message:
        piece = next(self._pieces, b"")
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}


@pytest.mark.parametrize("make", LARGE_FORMS.values(), ids=LARGE_FORMS)
def test_a_form_made_to_be_large_is_refused_in_flat_memory(
    api: Api, tmp_path: Path, make: Callable[[], Iterator[bytes]]
) -> None:
    headers = [(b"content-type", b"multipart/form-data; boundary=b"), (b"transfer-encoding", b"chunked")]
    exchange = GeneratedExchange(make())

    with AsgiServer(front_of(api)) as server:
        tracemalloc.start()
        server.answer(scope("POST", "/v1/batches", headers=headers), exchange)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert exchange.status == 413
    assert b"send the file as its only part" in exchange.body
    assert peak_bytes < 4 * MEBIBYTE
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


def test_a_form_may_have_texts_beside_its_file(api: Api) -> None:
    assert post(api, (TEXT + b"x\r\n") * 900 + FILE + END).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(END, id="nothing"),
        pytest.param(TEXT + b"x\r\n" + END, id="a text only"),
        pytest.param(FILE + FILE + END, id="two files"),
        pytest.param(b"--b\r\nContent-Type: text/csv\r\n\r\n" + CSV + b"\r\n" + END, id="a part without a name"),
        pytest.param(CSV, id="no form at all"),
    ],
)
def test_a_form_that_has_not_one_file_is_refused(api: Api, body: bytes) -> None:
    response = post(api, body)

    assert response.status_code == 422
    assert "send one file" in document_of(response)["detail"]


def test_a_file_of_a_form_may_not_be_larger_than_any_other(make_api: ApiMaker, tmp_path: Path) -> None:
    response = post(make_api(max_upload_bytes=1_000), FILE + CSV * 100 + END)

    assert response.status_code == 413
    assert files_in(tmp_path) == []
