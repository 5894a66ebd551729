"""The page in front of a service that asks for keys: it asks for one, uses it, and leaves it nowhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port, make_key
from tests.page.conftest import Opener, Visit
from tests.page.test_file import GOOD, HEADINGS, download, press, score

#: Everything that a page could leave in the browser.
LEFT_BEHIND = "[...Object.entries(localStorage), ...Object.entries(sessionStorage), document.cookie, history.state]"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=root / "models",
        workers=1,
        bulk_workers=1,
        require_keys=True,
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture
def opened(visit: Opener, guarded: Stack) -> Visit:
    return visit(guarded)


def enter(page: Page, key: str) -> None:
    page.get_by_label("Key", exact=True).fill(key)
    press(page, "Use this key")


def test_a_key_is_asked_for_before_anything_is_shown(opened: Visit) -> None:
    expect(opened.page.get_by_label("Key", exact=True)).to_be_focused()
    expect(opened.page.locator("#work")).to_be_hidden()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("rk_0123456789abcdef_wrong", "This key is unknown, revoked or expired."),
        ("schlüssel", "A key has letters, digits and underscores only."),
        ("", "Enter the key first."),
    ],
    ids=["unknown", "no key at all", "nothing"],
)
def test_a_key_that_opens_nothing_is_refused_beside_its_field(opened: Visit, key: str, said: str) -> None:
    enter(opened.page, key)

    expect(opened.page.locator("#key-error")).to_contain_text(said)
    expect(opened.page.get_by_label("Key", exact=True)).to_have_attribute("aria-invalid", "true")


def test_a_key_opens_the_form_and_the_files(opened: Visit, guarded: Stack) -> None:
    page = opened.page
    enter(page, make_key(guarded, "--scope", "predict", "--scope", "batch"))

    press(page, "Fill in an example")
    press(page, "Score this row")
    score(page, HEADINGS + GOOD)

    expect(page.locator("#row-answer strong")).to_have_text("male")
    expect(page.locator("#batch-status")).to_have_text("Done: every row has a prediction.")
    assert download(page, "Download the results").startswith(b"height,weight,shoe_size,prediction,")


def test_a_key_is_in_no_address_and_nothing_is_left_in_the_browser(opened: Visit, guarded: Stack) -> None:
    page, key = opened.page, make_key(guarded, "--scope", "predict", "--scope", "batch")
    enter(page, key)
    score(page, HEADINGS + "x,80,44\n")
    expect(page.locator("#mend")).to_be_visible()
    download(page, "Download the errors")

    assert [url for url in [*opened.asked, page.url] if key in url] == []
    assert page.evaluate(LEFT_BEHIND) == ["", None]
    assert page.locator("#key-text").input_value() == ""


def test_a_key_is_gone_after_a_reload(opened: Visit, guarded: Stack) -> None:
    enter(opened.page, make_key(guarded, "--scope", "predict"))
    expect(opened.page.locator("#work")).to_be_visible()

    opened.page.reload()

    expect(opened.page.get_by_label("Key", exact=True)).to_have_value("")
    expect(opened.page.locator("#work")).to_be_hidden()


def test_a_key_that_is_not_for_files_says_which_scope_it_lacks(opened: Visit, guarded: Stack) -> None:
    enter(opened.page, make_key(guarded, "--scope", "predict"))

    score(opened.page, HEADINGS + GOOD)

    expect(opened.page.locator("#file-trouble")).to_contain_text("batch")
