"""Files with formulas in them, over HTTP, from real processes: they come back as text when that is asked for."""

from typing import Any

import httpx2
import pytest

from standalone.stack import Stack
from tests.acceptance.conftest import UPLOADS_BUCKET
from tests.acceptance.people_csv import read_csv
from tests.acceptance.test_batches import CSV, wait
from tests.moto_process import MotoProcess

QUERY = {"model": "gender", "formulas": "escape"}
LINK = '"=HYPERLINK(""http://x"",""y"")"'
DOCUMENT = f"=note,change,height,weight,shoe_size\r\n{LINK},-1.5,181,80,44\r\nx,-1.5,181,80,44\r\n".encode()
ESCAPED = b'"\'=HYPERLINK(""http://x"",""y"")",-1.5,181,80,44,male,'


def results_of(client: httpx2.Client, **request: Any) -> bytes:
    """Return the results of a file once it is scored."""
    url = client.post("/v1/batches", timeout=60, **request).headers["Location"]
    wait(client, url)
    return client.get(url + "/results").content


@pytest.mark.parametrize(
    "body", [{"content": DOCUMENT, "headers": CSV}, {"files": {"file": ("a.csv", DOCUMENT)}}], ids=["raw", "multipart"]
)
def test_a_formula_comes_back_as_text_and_a_negative_number_as_a_number(stack: Stack, body: dict[str, Any]) -> None:
    with httpx2.Client(base_url=stack.url) as client:
        header, first, second, _ = results_of(client, params=QUERY, **body).split(b"\r\n")

    assert header.startswith(b"'=note,change,height,weight,shoe_size,prediction,")
    assert first.startswith(ESCAPED)
    assert second.startswith(b"x,-1.5,181,80,44,male,")


def test_so_it_does_in_a_file_from_a_bucket(bucket_stack: Stack, moto: MotoProcess) -> None:
    moto.client().put_object(Bucket=UPLOADS_BUCKET, Key="formulas.csv", Body=DOCUMENT)
    with httpx2.Client(base_url=bucket_stack.url) as client:
        results = results_of(client, params=QUERY, json={"input_url": f"s3://{UPLOADS_BUCKET}/formulas.csv"})

    assert results.split(b"\r\n")[1].startswith(ESCAPED)


def test_without_the_option_a_formula_comes_back_byte_for_byte(stack: Stack) -> None:
    with httpx2.Client(base_url=stack.url) as client:
        results = results_of(client, params={"model": "gender"}, content=DOCUMENT, headers=CSV)

    rows = zip(DOCUMENT.splitlines(), results.splitlines(), strict=True)
    assert [scored.startswith(own + b",") for own, scored in rows] == [True, True, True]


def test_errors_are_escaped_and_can_be_mended_and_sent_back(stack: Stack) -> None:
    document = DOCUMENT.replace(b"181,80", b"1.81,80", 1)
    with httpx2.Client(base_url=stack.url, timeout=60) as client:
        url = client.post("/v1/batches", params=QUERY, content=document, headers=CSV).headers["Location"]
        wait(client, url)
        errors = client.get(url + "/errors").content
        client.post(url + "/retry", content=errors.replace(b",1.81,", b",181,"), headers=CSV)
        batch = wait(client, url)
        results = client.get(url + "/results").content

    assert read_csv(errors)[0]["'=note"] == '\'=HYPERLINK("http://x","y")'
    assert (batch["outcome"], batch["formulas"]) == ("all_succeeded", "escape")
    assert results.split(b"\r\n")[1].startswith(ESCAPED)
