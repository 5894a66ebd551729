"""The page is for everybody: axe finds nothing in any state of it, light or dark, and it fits a narrow screen."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from standalone.stack import Stack
from tests.page.conftest import Opener
from tests.page.test_file import HEADINGS, MIXED, choose, press, score

PHONE = {"viewport": {"width": 320, "height": 640}, "has_touch": True}
#: Wider than the screen, so that somebody would have to scroll sideways.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def as_it_opens(page: Page) -> None:
    expect(page.locator("#work")).to_be_visible()


def with_errors_beside_its_fields(page: Page) -> None:
    press(page, "Score this row")
    expect(page.locator("#row-fields [aria-invalid=true]")).to_have_count(3)
    score(page, "body length,weight,shoe_size\n1,2,3\n")
    expect(page.get_by_label("Column of height")).to_be_focused()


def with_a_checked_file(page: Page) -> None:
    choose(page, MIXED + "an extraordinarily long cell that nobody would call a number,80,44\n")
    press(page, "Check it first")
    expect(page.locator("#preview table")).to_have_count(2)


def with_answers(page: Page) -> None:
    press(page, "Fill in an example")
    page.locator("#row-height").fill("210")
    press(page, "Score this row")
    expect(page.locator("#row-answer table")).to_be_visible()
    score(page, MIXED)
    expect(page.locator("#mend")).to_be_visible()


STATES = [as_it_opens, with_errors_beside_its_fields, with_a_checked_file, with_answers]
each_state = pytest.mark.parametrize("reach", STATES, ids=lambda reach: reach.__name__)
Reach = Callable[[Page], None]


def violations(page: Page) -> list[str]:
    """Return each rule of axe that the page breaks, and where."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes']]}" for rule in found]


@each_state
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Opener, stack: Stack, scheme: str, reach: Reach) -> None:
    page = visit(stack, color_scheme=scheme).page
    reach(page)

    assert violations(page) == []


@each_state
def test_nobody_scrolls_sideways_on_a_phone(visit: Opener, stack: Stack, reach: Reach) -> None:
    page = visit(stack, **PHONE).page
    reach(page)

    assert page.evaluate(OVERFLOW) == 0


def test_the_colors_are_those_that_the_reader_prefers(visit: Opener, stack: Stack) -> None:
    grounds = [
        visit(stack, color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]

    assert grounds == ["rgb(244, 245, 247)", "rgb(20, 23, 27)"]


def test_what_happens_to_a_file_is_told_to_those_who_hear_the_page(visit: Opener, stack: Stack) -> None:
    page = visit(stack).page
    score(page, HEADINGS + "181,80,44\n")

    expect(page.locator("[role=status]#batch-said")).to_have_text("Done: every row has a prediction.")
    expect(page.get_by_role("heading", name="people.csv")).to_be_focused()
