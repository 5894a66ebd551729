"""Score one row by the form: the model's own fields, its answer, and how to mend what is wrong beside each field."""

from collections.abc import Mapping

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.direct import direct_outputs
from tests.models import RAISES, SLEEPS_FROM

PERSON = {"height": 190, "weight": 70, "shoe_size": 43}


def fill_in(page: Page, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        page.locator(f"#row-{name}").fill(str(value))


def score(page: Page) -> None:
    page.get_by_role("button", name="Score this row").click()


def error_beside(page: Page, name: str) -> str:
    """Return what a field says is wrong, once it says so."""
    field = page.locator(f"#row-{name}")
    expect(field).to_have_attribute("aria-invalid", "true")
    return field.locator("xpath=..").locator(".error").inner_text()


def test_the_form_is_made_from_the_features_of_the_model(page: Page) -> None:
    labels = page.locator("#row-fields label")

    expect(labels).to_have_text(["height (cm)", "weight (kg)", "shoe_size (EU)"])
    expect(page.get_by_label("height (cm)")).to_have_accessible_description(
        "Body height without shoes. A number from 100 to 250, such as 181."
    )


def test_a_row_gets_the_answer_of_the_model(page: Page) -> None:
    (output,) = direct_outputs([PERSON])

    fill_in(page, PERSON)
    score(page)

    answer = page.locator("#row-answer")
    expect(answer.locator("strong")).to_have_text(output["prediction"])
    expect(answer.locator("tbody tr").first).to_contain_text(f"male{output['probabilities']['male']:.4f}")
    expect(answer).to_contain_text("By gender, version 1")


def test_the_example_is_a_row_that_the_model_takes(page: Page) -> None:
    page.get_by_role("button", name="Fill in an example").click()
    score(page)

    expect(page.locator("#row-answer strong")).to_have_text("male")


def test_every_field_says_what_is_wrong_with_it_and_how_to_mend_it(page: Page) -> None:
    fill_in(page, {"height": "1.81", "weight": "80,5"})
    score(page)

    assert error_beside(page, "height") == "1.81 is outside 100 to 250 cm; looks like metres; send centimetres (181)"
    assert error_beside(page, "weight") == "Write 80.5 with a point."
    assert error_beside(page, "shoe_size") == "Send shoe_size in EU, such as 44"
    expect(page.locator("#row-height")).to_be_focused()


def test_what_is_wrong_is_part_of_what_a_screen_reader_says_of_the_field(page: Page) -> None:
    fill_in(page, PERSON | {"height": "tall"})
    score(page)

    expect(page.locator("#row-height")).to_have_accessible_description(
        "Body height without shoes. A number from 100 to 250, such as 181. "
        '"tall" is not a number; write one such as 181.'
    )


def test_a_mended_row_is_answered_and_its_errors_are_gone(page: Page) -> None:
    fill_in(page, PERSON | {"height": "1.9"})
    score(page)
    error_beside(page, "height")

    fill_in(page, PERSON)
    score(page)

    expect(page.locator("#row-answer strong")).to_have_text("male")
    expect(page.locator("#row-height")).to_have_attribute("aria-invalid", "false")
    expect(page.locator("#row .error")).to_have_text(["", "", ""])


def test_an_unusual_value_is_answered_with_a_warning_beside_it(page: Page) -> None:
    fill_in(page, PERSON | {"height": 210})
    score(page)

    warning = page.locator("#row-height").locator("xpath=..").locator(".warning")
    expect(page.locator("#row-answer strong")).to_have_text("male")
    expect(warning).to_have_text(
        "210 is unusual; the model has seen little outside 144 to 195 cm, so check the value and its unit"
    )


def test_the_keyboard_is_enough(page: Page) -> None:
    page.locator("#row-height").focus()
    page.keyboard.type("190")
    page.keyboard.press("Tab")
    page.keyboard.type("70")
    page.keyboard.press("Tab")
    page.keyboard.type("43")
    page.keyboard.press("Enter")

    expect(page.locator("#row-answer strong")).to_have_text("male")


def test_another_model_has_a_form_of_its_own(page: Page) -> None:
    page.get_by_label("Model").select_option("moody")
    fill_in(page, {"mood": 1, "count": 2.5})
    page.get_by_label("colour", exact=True).select_option("blue")
    score(page)

    assert error_beside(page, "count") == "Send a whole number, not 2.5"
    expect(page.locator("#row-colour option")).to_have_text(["Choose…", "red", "blue"])


@pytest.mark.parametrize("seconds", [1, 6], ids=["within one wait", "over several waits"])
def test_a_slow_answer_is_waited_for(page: Page, seconds: int) -> None:
    page.get_by_label("Model").select_option("moody")
    fill_in(page, {"mood": SLEEPS_FROM + seconds, "count": 3})
    page.get_by_label("colour", exact=True).select_option("red")
    score(page)

    expect(page.locator("#row-answer")).to_contain_text("…")
    expect(page.locator("#row-answer strong")).to_have_text("calm")


def test_a_row_that_the_model_cannot_bear_is_said_to_be_so(page: Page) -> None:
    page.get_by_label("Model").select_option("moody")
    fill_in(page, {"mood": RAISES, "count": 3})
    page.get_by_label("colour", exact=True).select_option("red")
    score(page)

    expect(page.locator("#row-trouble")).to_contain_text("an unlucky row")


def test_a_service_that_is_away_is_said_to_be_so_and_asked_again(page: Page) -> None:
    fill_in(page, PERSON)
    page.context.set_offline(True)
    score(page)
    expect(page.locator("#row-trouble")).to_have_text("The service cannot be reached. Try again.")

    page.context.set_offline(False)
    score(page)

    expect(page.locator("#row-answer strong")).to_have_text("male")
    expect(page.locator("#row-trouble")).to_be_hidden()
