"""Score a file: check it, send it, watch it, take its results, mend its errors."""

import re
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import FilePayload, Page, expect

from standalone.stack import Stack
from tests.acceptance.people_csv import HEADER, added_columns, expected_rows, people_csv, read_csv
from tests.models import SLEEPS_FROM
from tests.page.conftest import Opener

HEADINGS = "height,weight,shoe_size\n"
GOOD = "181,80,44\n"
MIXED = HEADINGS + GOOD + "1.81,80,44\n" + "181,,44\n" + "2.01,80,44\n" + GOOD
#: Eight chunks or so, each of which takes about two seconds.
SLOW = "mood,count,colour\n" + (f"{SLEEPS_FROM + 2:.0f},3,red\n" + "1,3,red\n" * 5_999) * 8


def choose(page: Page, content: str | bytes, label: str = "CSV file") -> None:
    buffer = content.encode() if isinstance(content, str) else content
    page.get_by_label(label).set_input_files(FilePayload(name="people.csv", mimeType="text/csv", buffer=buffer))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def score(page: Page, content: str | bytes) -> None:
    choose(page, content)
    press(page, "Score the file")


def score_slowly(page: Page) -> None:
    page.locator("#model-name").select_option("moody")
    score(page, SLOW)


def cancel(page: Page) -> None:
    press(page, "Cancel, and keep what is done")
    expect(page.locator("#batch-status")).to_contain_text("Canceled")


def download(page: Page, name: str) -> bytes:
    """Return the file behind a link, as the browser saved it."""
    with page.expect_download() as downloading:
        page.get_by_role("link", name=name).click()
    return Path(downloading.value.path()).read_bytes()


def say(page: Page) -> str:
    return page.locator("#batch-figures").inner_text().replace("\n", " ")


def table(page: Page, caption: str) -> list[str]:
    """Return the rows of a table, a line of cells for each."""
    rows = page.get_by_role("table", name=caption).locator("tbody tr")
    expect(rows.first).to_be_visible()
    return ["|".join(row.locator("td").all_inner_texts()) for row in rows.all()]


def test_a_file_comes_back_scored_row_for_row(page: Page) -> None:
    score(page, people_csv(3_000))
    expect(page.locator("#batch-status")).to_have_text("Done: every row has a prediction.")

    rows = read_csv(download(page, "Download the results"))

    assert [added_columns(row) for row in rows] == expected_rows(3_000)
    assert "Rows done 3,000 of 3,000" in say(page)
    expect(page.get_by_role("link", name="Download the errors")).to_be_hidden()


def test_the_template_is_a_file_that_can_be_scored(page: Page) -> None:
    template = download(page, "Template with the columns")

    score(page, template)

    assert template == b"height,weight,shoe_size\r\n181,80,44\r\n"
    expect(page.locator("#batch-status")).to_have_text("Done: every row has a prediction.")


def test_errors_are_counted_by_their_codes(page: Page) -> None:
    score(page, MIXED)
    expect(page.locator("#batch-status")).to_have_text("Done: some rows have no prediction.")

    assert table(page, "Errors by code") == ["out_of_range|2", "missing_value|1"]
    assert "With errors 3" in say(page)


def test_mended_rows_take_their_places(page: Page) -> None:
    score(page, MIXED)
    expect(page.locator("#mend")).to_be_visible()
    errors = download(page, "Download the errors")

    mended = errors.replace(b"1.81,", b"181,").replace(b"2.01,", b"201,").replace(b"181,,44", b"181,70,44")
    choose(page, mended, "Mended file")
    press(page, "Send the mended rows")

    expect(page.locator("#batch-status")).to_have_text("Done: every row has a prediction.")
    expect(page.locator("#mend")).to_be_hidden()
    rows = read_csv(download(page, "Download the results"))
    assert [(row["height"], row["weight"], row["row_status"]) for row in rows] == [
        ("181", "80", "ok"),
        ("181", "80", "ok"),
        ("181", "70", "ok"),
        ("201", "80", "ok"),
        ("181", "80", "ok"),
    ]


def test_a_mended_file_that_cannot_be_merged_is_refused_beside_its_field(page: Page) -> None:
    score(page, MIXED)
    choose(page, HEADINGS + GOOD, "Mended file")
    press(page, "Send the mended rows")

    expect(page.locator("#mend-error")).to_contain_text("send the errors of this batch with their cells mended")


def test_a_check_shows_columns_and_bad_rows_and_scores_nothing(page: Page, http: httpx2.Client) -> None:
    before = http.get("/v1/batches").json()["data"]
    choose(page, HEADER + "a,1.81,80,44,x\r\n" + "b,181,80,44,x\r\n")
    press(page, "Check it first")

    assert table(page, "Which column is which feature") == [
        "Height (cm)|height",
        "weight|weight",
        "Shoe Size|shoe_size",
    ]
    assert table(page, "Rows that would get no prediction") == [
        "1|Height (cm)|1.81 is outside 100 to 250 cm; looks like metres; send centimetres (181)"
    ]
    expect(page.locator("#preview .figures")).to_contain_text("Passed throughname, note")
    assert http.get("/v1/batches").json()["data"] == before


def test_a_check_of_a_large_file_sends_its_beginning_and_estimates_its_rows(page: Page) -> None:
    choose(page, HEADINGS + GOOD * 1_000_000)
    with page.expect_request("**/v1/batches?*") as asked:
        press(page, "Check it first")

    expect(page.locator("#preview .figures")).to_contain_text(re.compile(r"Rowsabout (999,9|1,000,0)\d\d"))
    assert int(asked.value.all_headers()["content-length"]) == 4 * 1024 * 1024


def test_a_column_under_another_name_is_named_in_its_field(page: Page) -> None:
    score(page, "hight,weight,shoe_size\n" + GOOD)
    field = page.get_by_label("Column of height")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("no column is height in cm; if 'hight' is, say so here.")

    field.fill("hight")
    press(page, "Score the file")

    expect(page.locator("#batch-status")).to_have_text("Done: every row has a prediction.")


@pytest.mark.parametrize(
    ("content", "reason"),
    [("", "the file is empty"), (HEADINGS, "no rows"), ("PK\x03\x04\x00\x00", "send a CSV")],
    ids=["empty", "only a header", "a spreadsheet"],
)
def test_a_file_that_is_no_csv_is_refused_beside_its_field(page: Page, content: str, reason: str) -> None:
    score(page, content)

    expect(page.locator("#file-error")).to_contain_text(reason)
    expect(page.locator("#file-chosen")).to_have_attribute("aria-invalid", "true")


def test_without_a_file_it_asks_for_one(page: Page) -> None:
    press(page, "Score the file")

    expect(page.locator("#file-error")).to_have_text("Choose a file first.")
    expect(page.locator("#file-chosen")).to_be_focused()


def test_a_file_may_stop_at_its_first_error(page: Page) -> None:
    page.get_by_text("Columns and other options").click()
    page.get_by_label("Stop at the first row with an error").check()
    score(page, MIXED)

    expect(page.locator("#batch-status")).to_contain_text("Stopped")
    expect(page.locator("#batch-trouble")).to_be_visible()


def test_results_may_be_made_safe_for_spreadsheets(page: Page) -> None:
    document = "note,height,weight,shoe_size\n=1+1," + GOOD + "-1.5," + GOOD
    choose(page, document)
    press(page, "Check it first")
    expect(page.locator("#preview .figures")).to_contain_text("Formulas1 cells that a spreadsheet would run")

    page.get_by_text("Columns and other options").click()
    page.get_by_label("Safe for spreadsheets").check()
    press(page, "Score the file")
    expect(page.locator("#batch-status")).to_have_text("Done: every row has a prediction.")

    assert [row["note"] for row in read_csv(download(page, "Download the results"))] == ["'=1+1", "-1.5"]


def test_progress_is_shown_while_a_file_is_scored(page: Page) -> None:
    score_slowly(page)

    expect(page.locator("#batch-figures")).to_contain_text("Time leftabout")
    status, figures = page.locator("#batch-status").inner_text(), say(page)
    assert 0 < float(status.removeprefix("Scoring: ").removesuffix(" %")) < 100
    assert " of 48,000 " in figures
    assert " rows/s" in figures
    cancel(page)


def test_what_was_done_before_a_cancel_can_be_taken(page: Page) -> None:
    score_slowly(page)
    expect(page.locator("#batch-figures")).to_contain_text("Time leftabout")

    cancel(page)

    expect(page.locator("#batch-status")).to_have_text("Canceled: what is done can be downloaded.")
    assert 0 < len(read_csv(download(page, "Download the results"))) < 48_000
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()


def test_a_reload_goes_on_with_the_same_file(page: Page) -> None:
    score(page, MIXED)
    expect(page.locator("#mend")).to_be_visible()

    page.reload()

    expect(page.locator("#batch-status")).to_have_text("Done: some rows have no prediction.")


def test_the_way_back_leads_to_the_file_before(page: Page) -> None:
    score(page, MIXED)
    expect(page.locator("#batch-figures")).to_contain_text("5 of 5")
    score(page, HEADINGS + GOOD)
    expect(page.locator("#batch-figures")).to_contain_text("1 of 1")

    page.go_back()

    expect(page.locator("#batch-figures")).to_contain_text("5 of 5")


def test_a_broken_connection_is_said_and_the_file_is_found_again(page: Page) -> None:
    score_slowly(page)
    expect(page.locator("#batch-figures")).to_contain_text("of 48,000")
    page.context.set_offline(True)
    expect(page.locator("#batch-trouble")).to_have_text("The service cannot be reached. Looking again …")

    page.context.set_offline(False)

    expect(page.locator("#batch-trouble")).to_be_hidden()
    cancel(page)


def test_an_upload_can_be_stopped(page: Page, http: httpx2.Client) -> None:
    before = http.get("/v1/batches").json()["data"]
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 100_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    score(page, HEADINGS + GOOD * 500_000)
    expect(page.locator("#file-sent-text")).to_contain_text("of 5 MB sent")

    press(page, "Stop sending")

    expect(page.locator("#file-sending")).to_be_hidden()
    expect(page.locator("#file-trouble")).to_be_hidden()
    assert http.get("/v1/batches").json()["data"] == before


def test_an_unknown_file_in_the_address_is_said_to_be_unknown(visit: Opener, stack: Stack) -> None:
    page = visit(stack, f"/#bat_{'a' * 40}").page

    expect(page.locator("#batch-trouble")).to_be_visible()
    expect(page.get_by_role("link", name="Download the results")).to_be_hidden()


def test_markup_in_a_file_stays_text(page: Page) -> None:
    name = "<img src=x onerror=alert(1)>"
    choose(page, f"{name},{HEADINGS}<b>x</b>,{GOOD}<b>x</b>,tall,80,44\n")
    press(page, "Check it first")

    expect(page.locator("#preview .figures")).to_contain_text(name)
    expect(page.locator("#preview img, #preview b")).to_have_count(0)
