"""One run of `rowcall score`: upload, watch, download, and what to do when it is interrupted."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from rowcall_client.batches import Batch, BatchStatus
from rowcall_client.client import RowcallClient
from rowcall_client.downloads import Downloaded
from rowcall_client.errors import ProblemError, RowcallError
from rowcall_client.exit_codes import ExitCode, exit_code_of
from rowcall_client.progress import SilentProgress
from rowcall_client.score_order import DASH, ScoreOrder
from rowcall_client.score_screen import ScoreScreen
from rowcall_client.uploads import ReportBytes, find_size_bytes

#: How long to wait for a canceled batch to stop.
STOP_TIMEOUT_SECONDS = 60.0
#: HTTP status for what a final batch can no longer do.
CONFLICT = 409

Answer = TypeVar("Answer")


class Scoring:
    """Carries out one order."""

    def __init__(
        self,
        client: RowcallClient,
        order: ScoreOrder,
        screen: ScoreScreen,
        *,
        stdin: BinaryIO,
        stdout: BinaryIO,
        ask: Callable[[str], bool] | None = None,
        repeat_url: str = "",
    ) -> None:
        """ask: asks people and returns whether they said yes; None when nobody can answer.

        repeat_url: what the command that resumes has to end with.
        """
        self._client = client
        self._order = order
        self._screen = screen
        self._stdin = stdin
        self._stdout = stdout
        self._ask = ask
        self._repeat_url = repeat_url
        #: The batch as it was last heard of; None until it is accepted.
        self._batch: Batch | None = None

    def run(self) -> ExitCode:
        """Do it all and return the exit code. Raises RowcallError when no batch was accepted."""
        try:
            if self._order.is_dry_run:
                return self._preview()
            self._begin()
        except KeyboardInterrupt:
            self._screen.show_hint("Stopped before the server had answered.")
            return ExitCode.INTERRUPTED
        except OSError as error:
            self._screen.show_error(error)
            return ExitCode.FAILED
        return self._bring_to_end(self._finish)

    @property
    def _known_batch(self) -> Batch:
        if self._batch is None:
            raise RuntimeError("no batch is accepted yet")
        return self._batch

    def _make_command(self, mended: Path | None = None, errors: Path | None = None) -> str:
        """What to type to send mended rows, or to fetch those with errors, beside the results fetched now."""
        order = replace(self._order, mended=mended, errors=errors, force=True)
        return order.make_resume_command(self._known_batch.id, self._repeat_url)

    @property
    def _resume_command(self) -> str:
        # Mended rows that have been sent are not sent again.
        order = replace(self._order, mended=None)
        return order.make_resume_command(self._known_batch.id, self._repeat_url)

    def _preview(self) -> ExitCode:
        options = self._order.options
        preview = self._send(lambda file, report: self._client.preview_batch(file, on_progress=report, **options))
        self._screen.show_preview(preview)
        return ExitCode.OK

    def _begin(self) -> None:
        client, resume_id, options = self._client, self._order.resume_id, self._order.options
        if resume_id is None:
            batch = self._send(lambda file, report: client.submit_batch(file, on_progress=report, **options))
        elif self._order.mended is not None:
            batch = self._send(lambda file, report: client.retry_batch(resume_id, file, on_progress=report))
        else:
            batch = client.get_batch(resume_id)
        self._batch = batch
        self._screen.show_accepted(batch)

    def _send(self, call: Callable[[BinaryIO, ReportBytes], Answer]) -> Answer:
        path = self._order.upload or DASH
        with nullcontext(self._stdin) if path == DASH else path.open("rb") as file:
            name = "stdin" if path == DASH else path.name
            with self._screen.progress.sending(name, find_size_bytes(file)) as report:
                return call(file, report)

    def _finish(self) -> ExitCode:
        self._watch(timeout_seconds=None)
        batch = self._known_batch
        self._screen.show_summary(batch, self._fetch())
        # Only a completed batch takes mended rows.
        if batch.counts.failed and batch.status is BatchStatus.COMPLETED:
            self._explain_errors()
        return ExitCode.OK if batch.is_flawless else ExitCode.FAILED

    def _explain_errors(self) -> None:
        errors = self._order.errors
        if errors is None:
            self._screen.show_hint(f"Fetch the rows with errors: {self._make_command(errors=Path('errors.csv'))}")
        else:
            self._screen.show_hint(f"Mend {errors}, then send it: {self._make_command(mended=errors)}")

    def _watch(self, timeout_seconds: float | None) -> None:
        with self._screen.progress.watching() as reports:

            def remember(batch: Batch) -> None:
                self._batch = batch
                reports.progress(batch)

            self._client.wait_batch(
                self._known_batch.id,
                timeout_seconds=timeout_seconds,
                on_progress=remember,
                on_trouble=reports.trouble,
            )

    def _fetch(self) -> Mapping[str, Path]:
        """Download what was ordered, and return the files that were written."""
        if not self._known_batch.has_output:
            return {}
        written = {}
        target, errors = self._order.target, self._order.errors
        self._receive(self._client.download_results, target or self._stdout)
        if target is not None:
            written["results"] = target
        if errors is not None:
            self._receive(self._client.download_errors, errors)
            written["errors in"] = errors
        return written

    def _receive(self, download: Callable[..., Downloaded], target: Path | BinaryIO) -> None:
        # Bars would be drawn between rows that go to the same terminal.
        is_shown = isinstance(target, Path) or not self._order.stdout_is_terminal
        progress = self._screen.progress if is_shown else SilentProgress()
        with progress.receiving(target.name if isinstance(target, Path) else "stdout") as report:
            download(self._known_batch.id, target, on_progress=report)

    def _bring_to_end(self, action: Callable[[], ExitCode]) -> ExitCode:
        """Run what may be interrupted once there is a batch, and say how to take it up again."""
        try:
            return action()
        except KeyboardInterrupt:
            return self._stop()
        except BrokenPipeError:
            raise  # Whoever read stdout has enough; the command line library knows what to do.
        except (RowcallError, OSError) as error:
            self._screen.show_error(error)
            self._screen.show_unfinished(self._known_batch, f"Take it up again with: {self._resume_command}")
            return exit_code_of(error) if isinstance(error, RowcallError) else ExitCode.FAILED

    def _stop(self) -> ExitCode:
        """Leave the batch, or cancel it when people say so."""
        batch = self._known_batch
        if not batch.status.is_final and self._ask and self._ask("Cancel the batch on the server?"):
            self._bring_to_end(self._cancel)
            return ExitCode.INTERRUPTED
        state = f"is {batch.status}" if batch.status.is_final else "goes on at the server"
        self._screen.show_unfinished(batch, f"{batch.id} {state}; take it up again with: {self._resume_command}")
        return ExitCode.INTERRUPTED

    def _cancel(self) -> ExitCode:
        """Cancel the batch, and fetch what was done when it was said where to."""
        self._ask = None
        try:
            self._client.cancel_batch(self._known_batch.id)
        except ProblemError as error:
            if error.status != CONFLICT:
                raise
        self._watch(STOP_TIMEOUT_SECONDS)
        written = {} if self._order.output is None else self._fetch()
        self._screen.show_summary(self._known_batch, written)
        return ExitCode.INTERRUPTED
