"""One run of `rowcall score` that takes its time: progress, interruption, and the lines of a log."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rowcall_client import Batch, ConnectionFailed, RowcallClient
from rowcall_client.exit_codes import ExitCode
from rowcall_client.progress import LineProgress, format_bytes, format_duration
from rowcall_client.progress_bars import BarProgress
from rowcall_client.score_order import DASH, ScoreOrder
from rowcall_client.scoring import Scoring
from rowcall_client.text_score_screen import TextScoreScreen
from tests.unit.client.scripted_server import ScriptedServer

Document = dict[str, Any]
Make = Callable[..., Document]
CSV = b"height\n181\n"
SCORED = b"height,prediction\n181,male\n"


class InterruptedSleep:
    """Stands for Ctrl-C in the first pause; later pauses pass at once."""

    def __init__(self) -> None:
        self._interruptions: Iterator[BaseException] = iter([KeyboardInterrupt()])

    def __call__(self, _seconds: float) -> None:
        for interruption in self._interruptions:
            raise interruption


@dataclass
class Run:
    """Runs the command's work against a server, and keeps what it said."""

    url: str
    sleep: Callable[[float], None] = lambda _: None
    ask: Callable[[str], bool] | None = None
    questions: list[str] = field(default_factory=list)
    stdout: io.BytesIO = field(default_factory=io.BytesIO)

    def __call__(self, order: ScoreOrder) -> ExitCode:
        with RowcallClient(self.url, sleep=self.sleep) as client:
            scoring = Scoring(client, order, TextScoreScreen(), stdin=io.BytesIO(CSV), stdout=self.stdout, ask=self.ask)
            return scoring.run()

    def answer(self, *, yes: bool) -> None:
        def ask(question: str) -> bool:
            self.questions.append(question)
            return yes

        self.ask = ask


@pytest.fixture
def run(server: ScriptedServer) -> Run:
    return Run(server.url)


def order(**members: Any) -> ScoreOrder:
    nothing: Document = {"source": None, "resume_id": None, "mended": None, "output": None, "errors": None}
    return ScoreOrder(**nothing | {"source": DASH} | members)


def test_a_run_watches_its_batch_until_the_end(
    run: Run, server: ScriptedServer, batch: Make, completed_batch: Make
) -> None:
    server.answer(batch(status="queued"), 202)
    server.answer(batch(), ETag='"a"')
    server.answer(b"", 304)
    server.answer(batch(status="finalizing"), ETag='"b"')
    server.answer(completed_batch())
    server.answer_file(SCORED)

    exit_code = run(order())

    assert run.stdout.getvalue() == SCORED
    assert exit_code == 0


def test_ctrl_c_without_a_terminal_leaves_the_batch_running_and_says_how_to_go_on(
    run: Run, server: ScriptedServer, batch: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer(batch(), 202)
    server.answer(batch())
    run.sleep = InterruptedSleep()

    exit_code = run(order())

    assert [request.method for request in server.requests] == ["POST", "GET"]
    assert capsys.readouterr().err.endswith(
        "bat_1 goes on at the server; take it up again with: rowcall score --resume bat_1 -o -\n"
    )
    assert exit_code == 130


def test_ctrl_c_and_a_yes_cancel_the_batch_and_keep_what_was_done(
    run: Run, server: ScriptedServer, batch: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer(batch(), 202)
    server.answer(batch())
    server.answer(batch(), 202)
    server.answer(batch())
    server.answer(batch(status="canceled", outcome="partial"))
    server.answer_file(SCORED)
    run.sleep = InterruptedSleep()
    run.answer(yes=True)
    target = tmp_path / "scored.csv"

    exit_code = run(order(output=target))

    assert run.questions == ["Cancel the batch on the server?"]
    assert server.requests[2].path == "/v1/batches/bat_1/cancel"
    assert target.read_bytes() == SCORED
    assert "canceled" in capsys.readouterr().err
    assert exit_code == 130


def test_a_canceled_batch_is_not_fetched_when_nobody_said_where_to(
    run: Run, server: ScriptedServer, batch: Make
) -> None:
    server.answer(batch(), 202)
    server.answer(batch())
    server.answer(batch(), 202)
    server.answer(batch(status="canceled", outcome="partial"))
    run.sleep = InterruptedSleep()
    run.answer(yes=True)

    exit_code = run(order())

    assert (run.stdout.getvalue(), exit_code) == (b"", 130)


def test_a_batch_that_was_final_before_it_could_be_canceled_is_fetched_all_the_same(
    run: Run, server: ScriptedServer, batch: Make, completed_batch: Make, problem: Make, tmp_path: Path
) -> None:
    server.answer(batch(), 202)
    server.answer(batch())
    server.answer(problem(409, "batch_already_final"), 409)
    server.answer(completed_batch())
    server.answer_file(SCORED)
    run.sleep = InterruptedSleep()
    run.answer(yes=True)
    target = tmp_path / "scored.csv"

    exit_code = run(order(output=target))

    assert (target.read_bytes(), exit_code) == (SCORED, 130)


def test_ctrl_c_during_the_upload_says_that_nothing_was_accepted(
    run: Run, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stuck(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise KeyboardInterrupt

    with RowcallClient(server.url) as client:
        scoring = Scoring(client, order(), TextScoreScreen(), stdin=Stuck(), stdout=io.BytesIO())
        exit_code = scoring.run()

    assert capsys.readouterr().err == "Stopped before the server had answered.\n"
    assert (server.requests, exit_code) == ([], 130)


def test_results_that_cannot_be_written_exit_1_and_can_be_fetched_again(
    run: Run, server: ScriptedServer, batch: Make, completed_batch: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.BytesIO):
        def write(self, _bytes: Any, /) -> int:
            raise OSError(28, "No space left on device")

    server.answer(batch(), 202)
    server.answer(completed_batch())
    server.answer_file(SCORED)
    run.stdout = Full()

    exit_code = run(order())

    assert "error: [Errno 28] No space left on device\nTake it up again with: rowcall" in capsys.readouterr().err
    assert exit_code == 1


@pytest.mark.parametrize(
    ("members", "target"),
    [
        pytest.param({"source": Path("a/people.csv")}, Path("a/people.scored.csv"), id="beside the input"),
        pytest.param({"source": Path("people.csv.gz")}, Path("people.scored.csv"), id="compressed"),
        pytest.param({"source": Path("people.txt")}, Path("people.txt.scored.csv"), id="another ending"),
        pytest.param({"source": DASH}, None, id="stdin"),
        pytest.param({"source": None, "resume_id": "bat_1"}, Path("bat_1.scored.csv"), id="resumed"),
        pytest.param({"output": Path("b.csv")}, Path("b.csv"), id="named"),
        pytest.param({"output": DASH}, None, id="stdout"),
    ],
)
def test_on_a_terminal_results_find_a_name(members: Document, target: Path | None) -> None:
    assert order(stdout_is_terminal=True, **members).target == target


@contextmanager
def log_lines() -> Iterator[tuple[LineProgress, list[str], list[float]]]:
    """Progress that prints into a list, and a clock that is set by hand."""
    lines: list[str] = []
    now = [0.0]
    yield LineProgress(lines.append, clock=lambda: now[0]), lines, now


def test_a_log_gets_a_line_every_five_seconds_at_most(batch: Make) -> None:
    counts = {"total": 250_000, "succeeded": 90_112, "failed": 17, "pending": 159_871}
    running = Batch.decode(batch(counts=counts, percent=36.1))

    with log_lines() as (progress, lines, now), progress.watching() as reports:
        reports.progress(running)
        now[0] = 5.0
        reports.progress(running)
        now[0] = 9.9
        reports.progress(running)

    assert lines == ["bat_1: running  36 %, 90,129 of 250,000 rows, 17 errors, 7,600 rows/s, 21 s left"]


def test_a_log_tells_of_uploads_downloads_and_trouble() -> None:
    with log_lines() as (progress, lines, now):
        now[0] = 5.0
        with progress.sending("people.csv", 12_300_000) as sent:
            sent(1_000_000)
        now[0] = 10.0
        with progress.receiving("scored.csv") as received:
            received(999, None)

    assert lines == ["people.csv: sent 1.0 MB of 12.3 MB", "scored.csv: received 999 bytes"]


def test_a_bar_shows_rows_rate_time_left_and_errors(batch: Make) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120, color_system=None)

    with BarProgress(console).watching() as reports:
        reports.progress(Batch.decode(batch()))

    assert "4 of 10 rows  7,600 rows/s  21 s left  1 error" in drawn.getvalue()


def test_a_bar_says_when_the_server_is_away() -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120, color_system=None)

    with BarProgress(console).watching() as reports:
        reports.trouble(ConnectionFailed("http://127.0.0.1:8000", "reset", request_sent=True))

    assert "no answer from the server; trying again" in drawn.getvalue()


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (12_300_000, "12.3 MB"), (5e12, "5.0 TB")],
)
def test_sizes_read_well(size_bytes: float, text: str) -> None:
    assert format_bytes(size_bytes) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (21.4, "21 s"), (125, "2 min 5 s"), (7_380, "2 h 3 min")])
def test_durations_read_well(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
