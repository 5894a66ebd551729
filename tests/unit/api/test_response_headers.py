"""Every answer tells a browser what it may not do with it."""

import re

import pytest

from api.response_headers import DATA_POLICY, PAGE_POLICY
from tests.builders import success
from tests.unit.api.batches.conftest import completed, get
from tests.unit.api.conftest import Api, ApiMaker, document_of

DOCS = ["/docs/", "/docs/start.js", "/docs/swagger-ui.css"]
ANSWERS = {
    "an answer": ("GET", "/v1/models"),
    "a list of jobs": ("GET", "/v1/predictions"),
    "a refusal": ("GET", "/v1/predictions/unknown"),
    "no route": ("GET", "/nowhere"),
    "a wrong method": ("PUT", "/v1/models"),
    "a probe": ("GET", "/livez"),
    "a key that is missing": ("GET", "/v1/keys"),
    "the contract": ("GET", "/openapi.json"),
    "the page for people": ("GET", "/"),
    "a script of it": ("GET", "/page/start.js"),
    **{path: ("GET", path) for path in DOCS},
}


@pytest.mark.parametrize(("method", "path"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer_has_the_headers_for_browsers(api: Api, method: str, path: str) -> None:
    headers = api.client.open(path, method=method, buffered=True).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("what", ["results", "errors"])
@pytest.mark.parametrize("byte_range", [None, "bytes=0-9"], ids=["the whole file", "a part of it"])
def test_a_download_is_saved_and_never_shown(api: Api, what: str, byte_range: str | None) -> None:
    batch_id = completed(api)

    headers = get(api, batch_id, f"/{what}", **({"Range": byte_range} if byte_range else {})).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == DATA_POLICY
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Disposition"] == f'attachment; filename="{batch_id}-{what}.csv"'
    assert headers["Content-Type"] == "text/csv; charset=utf-8"


def test_nothing_of_a_job_is_kept_by_a_browser(api: Api) -> None:
    job = api.submit_and_finish(success())

    answers = [api.submit(), api.predict(), api.client.get(job), api.client.get("/v1/predictions")]

    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_https_is_insisted_on_where_the_operator_says_so(make_api: ApiMaker) -> None:
    api = make_api(hsts_seconds=31_536_000)

    assert api.client.get("/livez").headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_documentation_runs_no_inline_script_and_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.client.get("/docs/", buffered=True)

    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page.text, re.DOTALL)
    sources = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert page.headers["Content-Security-Policy"] == PAGE_POLICY
    assert [text.strip() for _, text in scripts] == ["", ""]
    assert " style=" not in page.text
    assert [api.client.get(f"/docs/{source}", buffered=True).status_code for source in sources] == [200] * 4


def test_the_documentation_reads_the_contract_of_this_service(api: Api) -> None:
    script = api.client.get("/docs/start.js", buffered=True)

    assert script.mimetype == "text/javascript"
    assert 'url: "/openapi.json"' in script.text
    assert document_of(api.client.get("/openapi.json"))["openapi"].startswith("3.1")
