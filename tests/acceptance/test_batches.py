"""Bulk scoring over HTTP, from real processes: every row comes back, whatever dies."""

import csv
import gzip
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import bucket_url, free_port
from tests.acceptance.people_csv import HEADER, added_columns, expected_rows, people_csv, read_csv
from tests.acceptance.test_faults import signal_processes
from tests.models import KILLS_THE_PROCESS

QUERY = {"model": "gender"}
CSV = {"Content-Type": "text/csv"}
ADDED = b",prediction,probability_female,probability_male,row_status,error_code,error_message"


@pytest.fixture(params=["stack", "bucket_stack"], ids=["disk", "bucket"])
def http(request: pytest.FixtureRequest) -> Iterator[httpx2.Client]:
    """Talks to a stack with its files on a disk, and to one with its files in a bucket."""
    stack: Stack = request.getfixturevalue(request.param)
    with httpx2.Client(base_url=stack.url, timeout=70.0) as client:
        yield client


def submit(http: httpx2.Client, document: bytes, **query: str) -> httpx2.Response:
    return http.post("/v1/batches", content=document, params=QUERY | query, headers=CSV)


def wait(http: httpx2.Client, url: str, *, seconds: float = 60) -> dict[str, Any]:
    """Return the batch when it is final, or as it stands after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        try:
            batch: dict[str, Any] = http.get(url, headers={"Prefer": "wait=5"}).json()
        except httpx2.TransportError:
            batch = {}
        if batch.get("status") in ("completed", "failed", "canceled", "expired") or time.monotonic() > until:
            return batch


def score(http: httpx2.Client, document: bytes, **query: str) -> tuple[dict[str, Any], bytes]:
    url = submit(http, document, **query).headers["Location"]
    return wait(http, url), http.get(url + "/results").content


def test_every_row_comes_back_scored_and_untouched(http: httpx2.Client) -> None:
    document = people_csv(3_000)

    batch, results = score(http, document)

    rows = read_csv(results)
    assert (batch["status"], batch["outcome"]) == ("completed", "all_succeeded")
    assert batch["counts"] == {"total": 3_000, "succeeded": 3_000, "failed": 0, "pending": 0}
    assert [added_columns(row) for row in rows] == expected_rows(3_000)
    assert [{name: row[name] for name in read_csv(document)[0]} for row in rows] == read_csv(document)
    assert results.startswith(HEADER.rstrip().encode() + ADDED + b"\r\n")
    assert results.split(b"\r\n")[1].startswith(document.split(b"\r\n")[1] + b",")


def test_bad_rows_come_back_in_place_with_their_reasons(http: httpx2.Client) -> None:
    good = "a,181,80,44,x\r\n"
    bad = ["b,1.81,80,44,x\r\n", "c,,80,44,x\r\n", "d,tall,80,44,x\r\n", "e,181,80,44\r\n"]
    document = (HEADER + good + "".join(bad) + good).encode()

    batch, results = score(http, document)
    errors = read_csv(http.get(batch["urls"]["errors"]).content)

    codes = [cells[-2] for cells in csv.reader(results.decode().splitlines()[1:])]
    assert (batch["status"], batch["outcome"]) == ("completed", "partial")
    assert codes == ["", "out_of_range", "missing_value", "not_a_number", "wrong_column_count", ""]
    assert "looks like metres; send centimetres (181)" in results.decode()
    assert [row["row_number"] for row in errors[:3]] == ["2", "3", "4"]
    assert errors[0]["error_column"] == "Height (cm)"
    assert batch["errors_by_code"] == {
        "missing_value": 1,
        "not_a_number": 1,
        "out_of_range": 1,
        "wrong_column_count": 1,
    }


@pytest.mark.parametrize("form", ["gzip", "multipart"])
def test_a_file_can_be_sent_in_other_ways(http: httpx2.Client, form: str) -> None:
    document = people_csv(50)
    sent: dict[str, Any] = {
        "gzip": {"content": gzip.compress(document), "headers": CSV},
        "multipart": {"files": {"file": ("../../etc/people.csv", document)}},
    }

    url = http.post("/v1/batches", params=QUERY, **sent[form]).headers["Location"]

    wait(http, url)
    assert [added_columns(row) for row in read_csv(http.get(url + "/results").content)] == expected_rows(50)


def test_a_missing_column_is_refused_at_once(http: httpx2.Client) -> None:
    response = submit(http, b"hight,weight,shoe_size\n181,80,44\n")

    (error,) = response.json()["errors"]
    assert response.status_code == 422
    assert (error["pointer"], error["code"]) == ("/columns/height", "missing_column")
    assert "column=height:hight" in error["detail"]


def test_an_unclosed_quote_fails_the_batch_with_its_place(tmp_path: Path, models_dir: Path) -> None:
    settings = Settings(
        port=free_port(), data_dir=tmp_path, models_dir=models_dir, max_record_bytes=10_000, workers=1, bulk_workers=1
    )
    document = people_csv(10) + b'"open,181,80,44,x\r\n' + b"a,181,80,44,x\r\n" * 1_000
    with running_stack(settings) as stack, httpx2.Client(base_url=stack.url, timeout=30) as client:
        batch = wait(client, submit(client, document).headers["Location"])

    assert batch["status"] == "failed"
    assert batch["error"]["code"] == "record_too_long"
    assert f"byte {len(people_csv(10))} " in batch["error"]["detail"]


def test_abort_stops_at_the_first_bad_row(http: httpx2.Client) -> None:
    batch, _results = score(http, people_csv(5) + b"x,,80,44,x\r\n", on_error="abort")

    assert (batch["status"], batch["error"]["code"]) == ("failed", "aborted_on_error")


def test_too_many_bad_rows_fail_the_batch(http: httpx2.Client) -> None:
    document = people_csv(6) + b"x,,80,44,x\r\n" * 4

    tolerant, _ = score(http, document, max_error_ratio="0.4")
    strict, _ = score(http, document, max_error_ratio="0.39")

    assert (tolerant["status"], tolerant["outcome"]) == ("completed", "partial")
    assert (strict["status"], strict["error"]["code"]) == ("failed", "too_many_errors")


def test_a_dry_run_says_what_would_happen(http: httpx2.Client) -> None:
    response = submit(http, people_csv(5) + b"x,1.81,80,44,x\r\n", dry_run="true")

    preview = response.json()
    assert response.status_code == 200
    assert preview["columns"] == {"Height (cm)": "height", "weight": "weight", "Shoe Size": "shoe_size"}
    assert preview["unused_columns"] == ["name", "note"]
    assert [error["row_number"] for error in preview["sample_errors"]] == [6]


def test_events_end_with_the_batch(http: httpx2.Client) -> None:
    url = submit(http, people_csv(200)).headers["Location"]

    events = http.get(url + "/events").text

    assert events.rstrip().splitlines()[-3] == "event: completed"


def test_a_download_can_be_resumed(http: httpx2.Client) -> None:
    batch, results = score(http, people_csv(300))

    rest = http.get(batch["urls"]["results"], headers={"Range": "bytes=1000-"})

    assert rest.status_code == 206
    assert rest.content == results[1000:]


def test_a_canceled_batch_keeps_what_is_done_and_ends(http: httpx2.Client) -> None:
    url = submit(http, people_csv(200_000)).headers["Location"]

    canceled = http.post(url + "/cancel")
    results = http.get(url + "/results")

    assert (canceled.status_code, canceled.json()["status"]) == (200, "canceled")
    assert results.headers["X-Complete"] == "false"
    assert http.post(url + "/cancel").status_code == 200


def test_mended_rows_take_their_places_and_the_results_are_those_of_a_clean_file(http: httpx2.Client) -> None:
    clean = people_csv(400)
    lines = clean.split(b"\r\n")
    broken = list(lines)
    for number, cell in ((5, b"tall"), (17, b""), (300, b"1.5"), (399, b"1,5")):
        cells = lines[number].split(b",")
        broken[number] = b",".join([cells[0], cell, *cells[2:]])
    expected = score(http, clean)[1]
    batch, _ = score(http, b"\r\n".join(broken))
    header = http.get(batch["urls"]["errors"]).content.split(b"\r\n")[0]
    mended = [header, *(lines[number] + b",%d,,," % number for number in (5, 17, 300, 399))]

    accepted = http.post(batch["urls"]["retry"], content=b"\r\n".join(mended) + b"\r\n", headers=CSV)
    after = wait(http, batch["urls"]["self"])

    assert batch["counts"]["failed"] == 4
    assert accepted.status_code == 202
    assert (after["status"], after["outcome"], after["errors_by_code"]) == ("completed", "all_succeeded", {})
    assert http.get(batch["urls"]["results"]).content == expected
    assert len(read_csv(http.get(batch["urls"]["errors"]).content)) == 0


def test_a_row_that_kills_workers_fails_alone(suffering_stack: Stack) -> None:
    moods = [1] * 3_000
    moods[1_234] = int(KILLS_THE_PROCESS)
    document = b"mood\n" + b"".join(b"%d\n" % mood for mood in moods)
    with httpx2.Client(base_url=suffering_stack.url, timeout=60) as http:
        url = submit(http, document, model="moody").headers["Location"]
        batch = wait(http, url, seconds=110)
        errors = read_csv(http.get(url + "/errors").content)

    assert (batch["status"], batch["counts"]["succeeded"]) == ("completed", 2_999)
    assert [(row["row_number"], row["error_code"]) for row in errors] == [("1235", "worker_died")]


@pytest.fixture
def files_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder on the disk, or one in a bucket where a test asks for it."""
    if getattr(request, "param", "disk") == "bucket":
        return bucket_url(request.getfixturevalue("moto"), tmp_path.name)
    return f"file://{tmp_path}/files"


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path, files_url: str) -> Settings:
    """A stack of the test's own, because it is about to suffer; small chunks, so that there are many steps."""
    return Settings(
        port=free_port(),
        data_dir=tmp_path,
        models_dir=models_dir,
        files_url=files_url,
        lease_seconds=2.0,
        chunk_bytes=50_000,
        workers=1,
        bulk_workers=2,
    )


@pytest.fixture
def suffering_stack(settings: Settings) -> Iterator[Stack]:
    with running_stack(settings) as stack:
        yield stack


@pytest.mark.parametrize("files_url", ["disk", "bucket"], indirect=True)
def test_every_row_comes_back_though_workers_and_server_are_killed(suffering_stack: Stack) -> None:
    document = people_csv(60_000)
    with httpx2.Client(base_url=suffering_stack.url, timeout=60) as http:
        url = submit(http, document).headers["Location"]
        for victim in ("bulk-worker", "store", "bulk-worker"):
            time.sleep(0.5)
            signal_processes(suffering_stack, victim, signal.SIGKILL)
        batch = wait(http, url, seconds=100)
        results = http.get(url + "/results").content

    assert batch["counts"] == {"total": 60_000, "succeeded": 60_000, "failed": 0, "pending": 0}
    assert [added_columns(row) for row in read_csv(results)] == expected_rows(60_000)
