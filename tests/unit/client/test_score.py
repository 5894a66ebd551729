"""The command `rowcall score`: files in and out, what is said where, and how it exits."""

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rowcall_client.cli import app
from tests.unit.client.scripted_server import ScriptedServer

Document = dict[str, Any]
Make = Callable[..., Document]

CSV = b"height,weight\n181,80\n"
SCORED = b"height,weight,prediction,row_status\n181,80,male,ok\n"
RUN = "from rowcall_client.cli import main; main()"


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, arguments)], input=stdin, prog_name="rowcall")


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CSV file in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    path = Path("people.csv")
    path.write_bytes(CSV)
    return path


def answer_whole_run(server: ScriptedServer, accepted: Document, final: Document) -> None:
    server.answer(accepted, 202)
    server.answer(final)
    server.answer_file(SCORED)


def test_a_file_is_scored_into_another_with_a_summary_on_stderr(
    server: ScriptedServer, batch: Make, completed_batch: Make, people: Path
) -> None:
    answer_whole_run(server, batch(status="queued"), completed_batch())

    result = run(people, "-o", "scored.csv")

    assert Path("scored.csv").read_bytes() == SCORED
    assert [line.split() for line in result.stderr.splitlines()] == [
        ["bat_1", "queued", "gender/1"],
        ["rows", "10"],
        ["ok", "10"],
        ["errors", "0"],
        ["model", "gender/1"],
        ["took", "2", "s"],
        ["results", "scored.csv"],
    ]
    assert (result.stdout, result.exit_code) == ("", 0)


@pytest.mark.parametrize("output", [(), ("-o", "-")], ids=["no output named", "a dash"])
def test_a_program_reads_the_rows_and_nothing_else_from_stdout(
    server: ScriptedServer, batch: Make, completed_batch: Make, people: Path, output: tuple[str, ...]
) -> None:
    answer_whole_run(server, batch(), completed_batch())

    result = run(people, *output)

    assert (result.stdout_bytes, result.exit_code) == (SCORED, 0)
    assert "bat_1" in result.stderr


def test_rows_can_come_from_stdin(server: ScriptedServer, batch: Make, completed_batch: Make) -> None:
    answer_whole_run(server, batch(), completed_batch())

    result = run("-", stdin=CSV)

    assert server.requests[0].upload is not None
    assert server.requests[0].upload.start == CSV
    assert result.stdout_bytes == SCORED


def test_the_options_are_passed_on(server: ScriptedServer, batch: Make, completed_batch: Make, people: Path) -> None:
    answer_whole_run(server, batch(), completed_batch())

    run(
        *(people, "--model", "gender", "--version", "2", "--on-error", "abort", "--max-error-ratio", "0.5"),
        *("--delimiter", "tab", "--encoding", "cp1252", "--column", "height=Body height", "--column", "weight=kg"),
        *("--retain-for", "2h", "--metadata", "order=4711", "--formulas", "escape"),
    )

    assert server.requests[0].path == (
        "/v1/batches?model=gender&version=2&on_error=abort&max_error_ratio=0.5&formulas=escape&delimiter=%09"
        "&encoding=cp1252&retain_for=2h&column=height%3ABody+height&column=weight%3Akg&metadata=order%3A4711"
    )


def test_rows_with_errors_are_counted_by_code_and_exit_1(
    server: ScriptedServer, batch: Make, partial_batch: Make, people: Path
) -> None:
    answer_whole_run(server, batch(), partial_batch())

    result = run(people, "-o", "scored.csv")

    assert ["not_a_number", "1"] in [line.split() for line in result.stderr.splitlines()]
    assert result.stderr.endswith(
        "Fetch the rows with errors: rowcall score --resume bat_1 -o scored.csv --errors errors.csv --force\n"
    )
    assert result.exit_code == 1


def test_rows_with_errors_are_written_with_the_way_to_send_them_again(
    server: ScriptedServer, batch: Make, partial_batch: Make, people: Path
) -> None:
    answer_whole_run(server, batch(), partial_batch())
    server.answer_file(b"height,error_code\ntall,not_a_number\n")

    result = run(people, "-o", "scored.csv", "--errors", "errors.csv")

    assert Path("errors.csv").read_bytes() == b"height,error_code\ntall,not_a_number\n"
    assert result.stderr.endswith(
        "Mend errors.csv, then send it: rowcall score --resume bat_1 -o scored.csv --retry errors.csv --force\n"
    )
    assert result.exit_code == 1


@pytest.mark.parametrize("status", ["failed", "canceled", "expired"])
def test_a_batch_that_stopped_exits_1_and_keeps_what_was_done(
    server: ScriptedServer, batch: Make, people: Path, status: str
) -> None:
    reason = {"code": "too_many_errors", "detail": "Too many rows are bad."}
    answer_whole_run(server, batch(), batch(status=status, outcome="partial", error=reason))

    result = run(people, "-o", "scored.csv")

    assert f"{status}: Too many rows are bad. (too_many_errors)" in result.stderr
    assert "rows with errors" not in result.stderr
    assert Path("scored.csv").read_bytes() == SCORED
    assert result.exit_code == 1


def test_a_missing_column_is_explained_and_exits_3(server: ScriptedServer, problem: Make, people: Path) -> None:
    note = {"pointer": "/columns/height", "code": "missing_column", "detail": "No column; did you mean 'Heigth'?"}
    server.answer(problem(422, "missing_column", title="Missing column", errors=[note]), 422)

    result = run(people)

    assert result.stderr.splitlines() == [
        "error: Missing column (422 missing_column)",
        "  height: No column; did you mean 'Heigth'?",
        "  Say which column it is with: --column FEATURE=HEADER",
    ]
    assert (result.stdout, result.exit_code) == ("", 3)


def test_a_dry_run_prints_mapping_bad_rows_and_estimate(
    server: ScriptedServer, preview: Document, people: Path
) -> None:
    server.answer(preview)

    result = run(people, "--dry-run")

    assert server.requests[0].path == "/v1/batches?dry_run=true"
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["feature", "column"],
        ["height", "Height", "(cm)"],
        ["weight", "weight"],
        [],
        ["model", "gender/1"],
        ["passed", "through", "name"],
        ["read", "as", "utf-8,", "semicolon"],
        ["looked", "at", "1,000", "rows;", "1", "errors", "below"],
        ["formulas", "2", "cells;", "--formulas", "escape", "makes", "them", "text"],
        ["rows", "about", "250,000"],
        ["takes", "about", "1", "min", "21", "s"],
        [],
        ["row", "column", "error", "message"],
        ["3", "Height", "(cm)", "not_a_number", "'tall'", "is", "not", "a", "number"],
    ]
    assert (result.stderr, result.exit_code) == ("", 0)


def test_a_batch_is_taken_up_again_without_an_upload(
    server: ScriptedServer, batch: Make, completed_batch: Make, people: Path
) -> None:
    server.answer(batch())
    server.answer(completed_batch())
    server.answer_file(SCORED)

    result = run("--resume", "bat_1", "-o", "scored.csv")

    assert [request.method for request in server.requests] == ["GET", "GET", "GET"]
    assert Path("scored.csv").read_bytes() == SCORED
    assert result.exit_code == 0


def test_mended_rows_are_sent_and_the_merged_results_fetched(
    server: ScriptedServer, batch: Make, completed_batch: Make, people: Path
) -> None:
    answer_whole_run(server, batch(), completed_batch())
    Path("scored.csv").write_bytes(b"old")

    result = run("--resume", "bat_1", "--retry", people, "-o", "scored.csv", "--force")

    assert server.requests[0].path == "/v1/batches/bat_1/retry"
    assert server.requests[0].upload is not None
    assert server.requests[0].upload.start == CSV
    assert Path("scored.csv").read_bytes() == SCORED
    assert result.exit_code == 0


def test_a_resumed_batch_that_is_unknown_exits_3_at_once(server: ScriptedServer, problem: Make) -> None:
    server.answer(problem(404, "batch_not_found"), 404)

    result = run("--resume", "bat_9")

    assert (len(server.requests), result.exit_code) == (1, 3)


def test_a_run_that_loses_the_results_says_how_to_take_it_up_again(
    server: ScriptedServer, batch: Make, completed_batch: Make, problem: Make, people: Path
) -> None:
    server.answer(batch(), 202)
    server.answer(completed_batch())
    server.answer(problem(500, "internal_error"), 500)

    result = run(people, "-o", "my scored.csv", "--errors", "errors.csv")

    assert result.stderr.endswith(
        "Take it up again with: rowcall score --resume bat_1 -o 'my scored.csv' --errors errors.csv\n"
    )
    assert result.exit_code == 4


def test_the_way_to_take_it_up_again_names_a_server_that_was_named(
    server: ScriptedServer, batch: Make, problem: Make, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROWCALL_URL")
    server.answer(batch(), 202)
    server.answer(problem(404, "batch_not_found"), 404)

    result = run(people, "--url", server.url)

    assert result.stderr.endswith(f"rowcall score --resume bat_1 -o - --url {server.url}\n")


def test_json_prints_the_final_document_and_nothing_else(
    server: ScriptedServer, batch: Make, partial_batch: Make, people: Path
) -> None:
    body = json.dumps(partial_batch(news="Größe"), ensure_ascii=False, indent=1)
    server.answer(batch(), 202)
    server.answer(body.encode())
    server.answer_file(SCORED)

    result = run(people, "-o", "scored.csv", "--json")

    assert (result.stdout, result.stderr, result.exit_code) == (f"{body}\n", "", 1)


def test_json_of_a_dry_run_is_the_preview(server: ScriptedServer, preview: Document, people: Path) -> None:
    server.answer(preview)

    result = run(people, "--dry-run", "--json")

    assert (json.loads(result.stdout), result.exit_code) == (preview, 0)


def test_with_json_trouble_is_a_document_on_stderr_beside_the_batch(
    server: ScriptedServer, batch: Make, problem: Make, people: Path
) -> None:
    server.answer(batch(), 202)
    server.answer(problem(404, "batch_not_found"), 404)

    result = run(people, "-o", "scored.csv", "--json")

    assert json.loads(result.stderr)["code"] == "batch_not_found"
    assert json.loads(result.stdout)["id"] == "bat_1"
    assert result.exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param((), "nothing to score", id="no input"),
        pytest.param(("no such.csv",), "does not exist", id="no such file"),
        pytest.param((".",), "is a folder", id="a folder"),
        pytest.param(("people.csv", "--resume", "bat_1"), "either a file or --resume", id="two inputs"),
        pytest.param(("people.csv", "--retry", "people.csv"), "say which with --resume", id="retry of nothing"),
        pytest.param(("--resume", "bat_1", "--model", "x"), "come too late", id="options after the upload"),
        pytest.param(("--resume", "bat_1", "--retain-for", "0"), "come too late", id="retention after the upload"),
        pytest.param(("--resume", "bat_1", "--dry-run"), "come too late", id="dry run after the upload"),
        pytest.param(("people.csv", "--json"), "-o must name a file", id="two things on stdout"),
        pytest.param(("people.csv", "--json", "-o", "-"), "-o must name a file", id="two things on stdout, said so"),
        pytest.param(("people.csv", "--errors", "-"), "--errors must name a file", id="errors on stdout"),
        pytest.param(("people.csv", "-o", "old.csv"), "old.csv exists already; --force", id="results exist"),
        pytest.param(("people.csv", "--errors", "old.csv"), "old.csv exists already; --force", id="errors exist"),
        pytest.param(("people.csv", "-o", "people.csv", "--force"), "given twice", id="output is the input"),
        pytest.param(("people.csv", "-o", "a.csv", "--errors", "./a.csv"), "given twice", id="two outputs in one"),
        pytest.param(("people.csv", "-o", "no/where.csv"), "cannot be written", id="no such folder"),
        pytest.param(("people.csv", "--column", "height"), "'height' is not FEATURE=HEADER", id="half a column"),
        pytest.param(("people.csv", "--column", "a=1", "--column", "a=2"), "given twice", id="a column twice"),
        pytest.param(("people.csv", "--metadata", "order"), "'order' is not NAME=TEXT", id="half a text"),
        pytest.param(("people.csv", "--delimiter", ";;"), "not one character", id="long delimiter"),
        pytest.param(("people.csv", "--formulas", "yes"), "--formulas", id="formulas are kept or escaped"),
        pytest.param(("people.csv", "--max-error-ratio", "2"), "--max-error-ratio", id="ratio above 1"),
        pytest.param(("people.csv", "--on-error", "stop"), "--on-error", id="unknown word"),
    ],
)
def test_a_wrong_command_line_exits_2_and_says_why_without_asking_the_server(
    server: ScriptedServer, people: Path, arguments: tuple[str, ...], message: str
) -> None:
    Path("old.csv").write_bytes(b"old")

    result = run(*arguments)

    assert message in " ".join(result.stderr.split())
    assert (result.stdout, result.exit_code, server.requests) == ("", 2, [])
    assert Path("old.csv").read_bytes() == b"old"


def test_compressed_rows_are_sent_as_they_are(
    server: ScriptedServer, batch: Make, completed_batch: Make, people: Path
) -> None:
    answer_whole_run(server, batch(), completed_batch())
    Path("people.csv.gz").write_bytes(gzip.compress(CSV))

    run("people.csv.gz")

    assert server.requests[0].headers["content-encoding"] == "gzip"


@contextmanager
def run_on_a_terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command on a terminal of 120 columns, and our end of that terminal."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "NO_COLOR": "1"}
    command = [sys.executable, "-c", RUN, "score", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        try:
            yield process, ours
        finally:
            # Nobody reads its terminal any more, so it would never end by itself.
            process.kill()
    os.close(ours)


def read_until(terminal: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        shown += os.read(terminal, 4096)
    return shown


def test_on_a_terminal_bars_are_drawn_and_the_results_lie_beside_the_input(
    server: ScriptedServer, batch: Make, completed_batch: Make, people: Path
) -> None:
    answer_whole_run(server, batch(), completed_batch())

    with run_on_a_terminal("people.csv") as (process, terminal):
        shown = read_until(terminal, b"people.scored.csv\r\n")
        exit_code = process.wait(timeout=30)

    assert [word in shown for word in (b"upload", b"predict", b"10 of 10 rows", b"download")] == [True] * 4
    assert Path("people.scored.csv").read_bytes() == SCORED
    assert exit_code == 0


def test_on_a_terminal_ctrl_c_asks_and_a_no_leaves_the_batch_running(
    server: ScriptedServer, batch: Make, people: Path
) -> None:
    server.answer(batch(), 202)
    for _ in range(100):
        server.answer(batch())

    with run_on_a_terminal("people.csv") as (process, terminal):
        read_until(terminal, b"4 of 10 rows")
        process.send_signal(signal.SIGINT)
        read_until(terminal, b"Cancel the batch on the server? [y/N]")
        os.write(terminal, b"n\n")
        shown = read_until(terminal, b"people.scored.csv\r\n")
        exit_code = process.wait(timeout=30)

    assert b"take it up again with: rowcall score --resume bat_1 -o people.scored.csv" in shown
    assert "POST" not in {request.method for request in server.requests[1:]}
    assert exit_code == 130
