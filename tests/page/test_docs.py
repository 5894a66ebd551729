"""The documentation page in a real browser: it shows the contract, and breaks no rule of its own policy."""

from playwright.sync_api import expect

from standalone.stack import Stack
from tests.page.conftest import Opener

#: The page is made from the whole contract by scripts, which a busy machine does slowly.
PATIENCE_MILLISECONDS = 30_000


def test_the_documentation_shows_every_group_of_operations(visit: Opener, stack: Stack) -> None:
    page = visit(stack, "/docs/").page

    expect(page.locator(".opblock-tag")).to_contain_text(["predictions", "batches"], timeout=PATIENCE_MILLISECONDS)
    expect(page.locator(".information-container")).to_contain_text("Rowcall", timeout=PATIENCE_MILLISECONDS)


def test_an_operation_shows_what_it_takes_and_answers(visit: Opener, stack: Stack) -> None:
    page = visit(stack, "/docs/").page

    page.locator("#operations-predictions-submitPrediction button").first.click(timeout=PATIENCE_MILLISECONDS)

    expect(page.locator("#operations-predictions-submitPrediction")).to_contain_text(
        "Prefer", timeout=PATIENCE_MILLISECONDS
    )
    expect(page.locator("#operations-predictions-submitPrediction .responses-table").first).to_contain_text(
        "202", timeout=PATIENCE_MILLISECONDS
    )


def test_the_documentation_asks_nobody_else_for_anything(visit: Opener, stack: Stack) -> None:
    seen = visit(stack, "/docs/")
    expect(seen.page.locator(".opblock-tag").first).to_be_visible(timeout=PATIENCE_MILLISECONDS)

    assert {url for url in seen.asked if not url.startswith((stack.url, "data:"))} == set()
