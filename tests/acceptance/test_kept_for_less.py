"""A batch that its client wants gone soon: from real processes, with its files on a disk and in a bucket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from standalone.stack import Stack
from tests.acceptance.conftest import FILES_BUCKET, UPLOADS_BUCKET
from tests.acceptance.people_csv import people_csv
from tests.acceptance.test_batches import wait
from tests.acceptance.waiting import wait_until
from tests.moto_process import MotoProcess

#: Long enough for a look at the results, on a busy machine too.
TERMS = {"model": "gender", "retain_for": "10s", "metadata": ["order:4711", "from:Ada"]}
METADATA = {"order": "4711", "from": "Ada"}
ROWS = people_csv(200) + b"x,1.81,80,44,x\r\n"


@dataclass(frozen=True, slots=True)
class Place:
    """A stack, and a look behind it."""

    http: httpx2.Client
    #: The files of a batch, by its id.
    files_of: Callable[[str], list[str]]


@pytest.fixture
def disk(stack: Stack) -> Iterator[Place]:
    """A stack with its files on a disk."""
    folder = stack.logs_dir.parent / "files" / "batches"

    def files_of(batch_id: str) -> list[str]:
        return [path.name for path in (folder / batch_id).rglob("*") if path.is_file()]

    with httpx2.Client(base_url=stack.url, timeout=70.0) as http:
        yield Place(http, files_of)


@pytest.fixture
def bucket(bucket_stack: Stack, moto: MotoProcess) -> Iterator[Place]:
    """A stack with its files in a bucket, from which a client has one to take."""
    moto.client().put_object(Bucket=UPLOADS_BUCKET, Key="soon-gone.csv", Body=ROWS)

    def files_of(batch_id: str) -> list[str]:
        listed = moto.client().list_objects_v2(Bucket=FILES_BUCKET, Prefix=f"here/batches/{batch_id}/")
        return [item["Key"].rpartition("/")[2] for item in listed.get("Contents", [])]

    with httpx2.Client(base_url=bucket_stack.url, timeout=70.0) as http:
        yield Place(http, files_of)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


RAW = {"content": ROWS, "headers": {"Content-Type": "text/csv"}}
FORM = {"files": {"file": ("people.csv", ROWS)}}
URL = {"json": {"input_url": f"s3://{UPLOADS_BUCKET}/soon-gone.csv"}}


@pytest.mark.parametrize(
    ("place", "sent"),
    [
        pytest.param("disk", RAW, id="raw, on a disk"),
        pytest.param("disk", FORM, id="form, on a disk"),
        pytest.param("bucket", RAW, id="raw, in a bucket"),
        pytest.param("bucket", FORM, id="form, in a bucket"),
        pytest.param("bucket", URL, id="from a bucket, in a bucket"),
    ],
    indirect=["place"],
)
def test_a_batch_is_gone_with_all_its_files_when_its_own_retention_ends(place: Place, sent: dict[str, Any]) -> None:
    url = place.http.post("/v1/batches", params=TERMS, **sent).headers["Location"]
    batch = wait(place.http, url)
    results, files = place.http.get(f"{url}/results"), place.files_of(batch["id"])

    wait_until(lambda: not place.files_of(batch["id"]), seconds=40)

    gone = [place.http.get(url + what) for what in ("", "/results", "/errors", "/events")]
    assert (batch["status"], batch["retain_for"], batch["metadata"]) == ("completed", 10, METADATA)
    assert (results.status_code, sorted(files)) == (200, ["errors.csv", "input.csv", "results.csv"])
    assert [(answer.status_code, answer.json()["code"]) for answer in gone] == [(410, "batch_gone")] * 4
    assert batch["id"] not in place.http.get("/v1/batches?limit=100").text
