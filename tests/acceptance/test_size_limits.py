"""What is larger than a limit is refused over a real socket, in flat memory, and the service stays well."""

from collections.abc import Callable, Iterable, Iterator

import httpx2
import pytest

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.people_csv import HEADER

MEBIBYTE = 1 << 20
MAX_UPLOAD_BYTES = 4 * MEBIBYTE
#: Far more than a process of the service may need, and less than it reads only to drop it.
LARGE = 48 * MEBIBYTE
#: What a peak may grow by.
GROWTH = 24 * MEBIBYTE
PIECE = b" " * (1 << 16)
ROUTES = {
    "a prediction": "/v1/predictions",
    "a bare answer": "/v1/models/gender/predict",
    "a tensor": "/v2/models/gender/infer",
    "rows for MLflow": "/invocations?model=gender",
    "rows for SageMaker": "/endpoints/gender/invocations",
    "the address of a file": "/v1/batches?model=gender",
}
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'


@pytest.fixture(scope="module")
def stack(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that takes small files only."""
    own = {
        "port": free_port(),
        "data_dir": tmp_path_factory.mktemp("data"),
        "workers": 1,
        "max_upload_bytes": MAX_UPLOAD_BYTES,
    }
    with running_stack(stack_settings.model_copy(update=own)) as stack:
        yield stack


def in_chunks(beginning: bytes) -> Iterator[bytes]:
    """Yield a large body whose length its client does not know."""
    yield beginning
    yield from (PIECE for _ in range(LARGE // len(PIECE)))


def with_length(beginning: bytes) -> bytes:
    return beginning + PIECE * (LARGE // len(PIECE))


@pytest.mark.parametrize("make", [in_chunks, with_length])
@pytest.mark.parametrize("path", ROUTES.values(), ids=ROUTES)
def test_a_document_that_is_too_large_is_refused_in_flat_memory(
    http: httpx2.Client, path: str, make: Callable[[bytes], bytes | Iterable[bytes]], peak_growth: Callable[[str], int]
) -> None:
    response = http.post(path, content=make(b'{"input": '), headers={"Content-Type": "application/json"})

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert peak_growth("api") < GROWTH
    assert http.get("/readyz").status_code == 200


@pytest.mark.parametrize("make", [in_chunks, with_length])
@pytest.mark.parametrize(
    ("media_type", "beginning", "code"),
    [
        pytest.param("text/csv", HEADER.encode(), "upload_too_large", id="raw"),
        pytest.param("multipart/form-data; boundary=x", FORM + HEADER.encode(), "body_too_large", id="in a form"),
    ],
)
def test_a_file_that_is_too_large_is_refused_in_flat_memory(
    http: httpx2.Client,
    media_type: str,
    beginning: bytes,
    code: str,
    make: Callable[[bytes], bytes | Iterable[bytes]],
    peak_growth: Callable[[str], int],
) -> None:
    response = http.post("/v1/batches?model=gender", content=make(beginning), headers={"Content-Type": media_type})

    assert (response.status_code, response.json()["code"]) == (413, code)
    assert peak_growth("api") < GROWTH
    assert http.get("/readyz").status_code == 200


@pytest.mark.parametrize("send", [bytes, lambda file: iter([file])], ids=["with its length", "in chunks"])
@pytest.mark.parametrize(
    ("beyond", "status"), [pytest.param(0, 202, id="as large as the limit"), pytest.param(1, 413, id="one byte more")]
)
def test_a_file_is_taken_up_to_the_limit(
    http: httpx2.Client, beyond: int, status: int, send: Callable[[bytes], bytes | Iterable[bytes]]
) -> None:
    row = b"Ada,181,80,44,"
    filler = b"x" * (MAX_UPLOAD_BYTES + beyond - len(HEADER) - len(row))

    response = http.post(
        "/v1/batches?model=gender", content=send(HEADER.encode() + row + filler), headers={"Content-Type": "text/csv"}
    )

    assert response.status_code == status, response.text
