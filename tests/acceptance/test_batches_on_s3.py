"""The same bulk scoring with input, parts and output in a bucket."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.people_csv import added_columns, expected_rows, people_csv, read_csv
from tests.acceptance.test_batches import CSV, score, submit, wait
from tests.acceptance.test_faults import signal_processes
from tests.moto_process import CREDENTIALS, MotoProcess


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoProcess]:
    with MotoProcess.run() as process, pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        process.client().create_bucket(Bucket="rowcall-files")
        process.client().create_bucket(Bucket="uploads")
        yield process


@pytest.fixture(scope="module")
def stack(moto: MotoProcess, tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Stack]:
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        files_url=f"s3://rowcall-files/here?endpoint_url={moto.url}&region=us-east-1",
        input_buckets=("uploads",),
        lease_seconds=2.0,
        chunk_bytes=50_000,
        workers=1,
        bulk_workers=2,
    )
    with running_stack(settings) as stack:
        yield stack


def test_bulk_scoring_with_files_in_a_bucket(stack: Stack, http: httpx2.Client, moto: MotoProcess) -> None:
    clean = people_csv(2_000)
    broken = clean.replace(b'Nr. 7",157.0', b'Nr. 7",tall')
    batch, results = score(http, broken)
    header = http.get(batch["urls"]["errors"]).content.splitlines()[0]
    mended = header + b"\r\n" + clean.split(b"\r\n")[8] + b",8,,,\r\n"

    http.post(batch["urls"]["retry"], content=mended, headers=CSV)
    after = wait(http, batch["urls"]["self"])

    keys = [item["Key"] for item in moto.client().list_objects_v2(Bucket="rowcall-files")["Contents"]]
    assert batch["counts"]["failed"] == 1
    assert len(read_csv(results)) == 2_000
    assert (after["outcome"], after["errors_by_code"]) == ("all_succeeded", {})
    assert [added_columns(row) for row in read_csv(http.get(batch["urls"]["results"]).content)] == expected_rows(2_000)
    assert f"here/batches/{batch['id']}/input.csv" in keys


def test_a_file_can_be_taken_from_a_bucket(http: httpx2.Client, moto: MotoProcess) -> None:
    moto.client().put_object(Bucket="uploads", Key="people.csv", Body=people_csv(100))

    accepted = http.post("/v1/batches?model=gender", json={"input_url": "s3://uploads/people.csv"})

    wait(http, accepted.headers["Location"])
    rows = read_csv(http.get(accepted.headers["Location"] + "/results").content)
    assert accepted.status_code == 202
    assert [added_columns(row) for row in rows] == expected_rows(100)


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


def test_every_row_comes_back_though_workers_are_killed(stack: Stack, http: httpx2.Client) -> None:
    document = people_csv(20_000)
    url = submit(http, document).headers["Location"]
    for _ in range(2):
        time.sleep(0.7)
        signal_processes(stack, "bulk-worker", signal.SIGKILL)
    batch = wait(http, url, seconds=100)
    results = http.get(url + "/results").content

    assert batch["counts"] == {"total": 20_000, "succeeded": 20_000, "failed": 0, "pending": 0}
    assert [added_columns(row) for row in read_csv(results)] == expected_rows(20_000)
