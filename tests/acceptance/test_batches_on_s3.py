"""Files in a bucket: what only they can do. What all files can is in test_batches.py, on a disk and in a bucket."""

from collections.abc import Iterator

import httpx2
import pytest

from standalone.stack import Stack
from tests.acceptance.conftest import FILES_BUCKET, UPLOADS_BUCKET
from tests.acceptance.people_csv import added_columns, expected_rows, people_csv, read_csv
from tests.acceptance.test_batches import wait
from tests.moto_process import MotoProcess


@pytest.fixture
def http(bucket_stack: Stack) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=bucket_stack.url, timeout=70.0) as client:
        yield client


def test_a_file_can_be_taken_from_a_bucket(http: httpx2.Client, moto: MotoProcess) -> None:
    moto.client().put_object(Bucket=UPLOADS_BUCKET, Key="people.csv", Body=people_csv(100))

    accepted = http.post("/v1/batches?model=gender", json={"input_url": "s3://uploads/people.csv"})

    batch = wait(http, accepted.headers["Location"])
    rows = read_csv(http.get(accepted.headers["Location"] + "/results").content)
    listed = moto.client().list_objects_v2(Bucket=FILES_BUCKET, Prefix=f"here/batches/{batch['id']}/")
    names = [item["Key"].rpartition("/")[2] for item in listed["Contents"]]
    assert accepted.status_code == 202
    assert [added_columns(row) for row in rows] == expected_rows(100)
    assert names == ["input.csv", "results.csv"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("s3://secrets/people.csv", "ROWCALL_INPUT_BUCKETS", id="another bucket"),
        pytest.param("s3://uploads/none.csv", "none.csv", id="no such file"),
        pytest.param("http://127.0.0.1/people.csv", "s3://bucket/key", id="no bucket"),
    ],
)
def test_a_file_that_may_not_be_taken_is_refused(http: httpx2.Client, url: str, words: str) -> None:
    response = http.post("/v1/batches?model=gender", json={"input_url": url})

    assert response.status_code == 422
    assert words in response.text
