"""The page for people at `/`: served from here whole, and nothing in it works around its Content-Security-Policy."""

import re
from pathlib import Path

import pytest

from api.pages import find_pages
from api.response_headers import PAGE_POLICY
from tests.unit.api.conftest import Api, ApiMaker

PATHS = [path for path in find_pages() if not path.startswith("/docs")]
SCRIPTS = [file for path, file in find_pages().items() if path.startswith("/page/") and file.suffix == ".js"]
each_path = pytest.mark.parametrize("path", PATHS)
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.name)

#: What a page, a module or a style sheet loads.
LOADED = re.compile(
    r"""<(?:script|link|img)\b[^>]*?\b(?:src|href)="([^"]+)"|"""
    r"""^import .* from "([^"]+)"|(?:@import\s+|url\()\s*["']?([^"')]+)""",
    re.MULTILINE,
)
#: Where a text would become markup or a program.
TEXT_TO_MARKUP = re.compile(r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function)\b")
#: Where a key would outlive the page.
KEPT = re.compile(r"\b(?:localStorage|sessionStorage|indexedDB|cookie|caches)\s*[.=(\[]")
FUNCTION = re.compile(r"^(?:export )?(?:async )?function (\w+)\(.*?^\}", re.MULTILINE | re.DOTALL)


def read(api: Api, path: str) -> str:
    return api.client.get(path, buffered=True).text


@pytest.fixture
def page(api: Api) -> str:
    return read(api, "/")


def test_the_page_is_at_the_root(api: Api) -> None:
    answer = api.client.get("/", buffered=True)

    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "<h1>" in answer.text


@each_path
def test_everything_of_the_page_runs_under_the_strict_policy(api: Api, path: str) -> None:
    assert api.client.get(path, buffered=True).headers["Content-Security-Policy"] == PAGE_POLICY


@pytest.mark.parametrize(
    ("path", "mimetype"),
    [("/page/start.js", "text/javascript"), ("/page/page.css", "text/css"), ("/page/icon.svg", "image/svg+xml")],
)
def test_a_file_has_the_type_that_a_browser_insists_on(api: Api, path: str, mimetype: str) -> None:
    assert api.client.get(path, buffered=True).mimetype == mimetype


@each_path
def test_a_browser_asks_whether_it_has_the_present_page_and_gets_it_once(api: Api, path: str) -> None:
    first = api.client.get(path, buffered=True)

    again = api.client.get(path, headers={"If-None-Match": first.headers["ETag"]}, buffered=True)

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.data) == (304, b"")


@each_path
def test_everything_that_is_loaded_is_served_here(api: Api, path: str) -> None:
    names = {re.sub(r"^\./", "/page/", next(filter(None, found))) for found in LOADED.findall(read(api, path))}

    assert names <= set(PATHS)


def test_nothing_is_served_that_is_not_loaded(api: Api) -> None:
    loaded = {next(filter(None, found)) for path in PATHS for found in LOADED.findall(read(api, path))}

    assert {name.rpartition("/")[2] for name in loaded} == {path.rpartition("/")[2] for path in PATHS} - {""}


def test_the_markup_has_neither_script_nor_style_in_it(page: str) -> None:
    assert [text for text in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) if text.strip()] == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", page) == []


def test_a_form_that_is_sent_without_the_script_puts_nothing_into_an_address(page: str) -> None:
    forms = re.findall(r"<form[^>]*>", page)

    assert [form for form in forms if 'method="post"' not in form] == []
    assert re.findall(r"<(?:input|select)[^>]*\sname=", page) == []


def test_every_input_has_a_label(page: str) -> None:
    inputs = re.findall(r'<(?:input|select) id="([^"]+)"', page)

    assert len(inputs) == len(re.findall(r"<(?:input|select)\b", page))
    assert set(inputs) == set(re.findall(r'<label for="([^"]+)"', page))


@each_script
def test_no_text_is_read_as_markup_or_program(script: Path) -> None:
    assert TEXT_TO_MARKUP.findall(script.read_text()) == []


@each_script
def test_no_script_keeps_anything_in_the_browser(script: Path) -> None:
    assert KEPT.findall(script.read_text()) == []


@each_script
def test_a_script_and_its_functions_fit_in_view(script: Path) -> None:
    text = script.read_text()
    lines = {found[1]: found[0].count("\n") + 1 for found in FUNCTION.finditer(text)}

    assert len(text.splitlines()) <= 250
    assert max(lines.values()) <= 40


def test_nothing_moves() -> None:
    # So there is nothing that somebody who asks for less motion would have to be spared.
    styles = find_pages()["/page/page.css"].read_text()

    assert re.findall(r"\b(?:animation|transition|scroll-behavior)\b", styles) == []


def test_the_page_is_open_where_keys_are_asked_for_and_says_nothing_of_the_models(make_api: ApiMaker) -> None:
    api = make_api(require_keys=True)

    pages = {path: api.client.get(path, buffered=True) for path in PATHS}

    assert {answer.status_code for answer in pages.values()} == {200}
    assert "gender" not in pages["/"].text
