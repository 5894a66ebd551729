"""The screen for people: lines and tables on stdout; warnings, errors and hints on stderr.

Imports rich, so it is loaded only when it is used.
"""

from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.text import Text

from rowcall_client.errors import RowcallError
from rowcall_client.keys import Key, KeyList
from rowcall_client.messages import describe_error, describe_notes, describe_place
from rowcall_client.models import Model, ModelList
from rowcall_client.predictions import Prediction, PredictionPage
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive
from rowcall_client.render import render_model, render_models, render_prediction
from rowcall_client.render_jobs import render_event, render_predictions
from rowcall_client.render_keys import render_keys
from rowcall_client.render_quarantine import render_quarantine, render_quarantined

if TYPE_CHECKING:
    from rowcall_client.event_stream import Event

#: Width of the output when a program reads it; rich needs a number, and lines must not be broken then.
PIPE_WIDTH = 1000


class TextScreen:
    """Prints for people; in color on a terminal only, and not when NO_COLOR is set."""

    def __init__(self, follow_command: str) -> None:
        """follow_command: what to type to wait for a job, with `{id}` in it."""
        self._follow_command = follow_command
        self._stdout = make_console(stderr=False)
        self._stderr = make_console(stderr=True)

    def show_prediction(self, prediction: Prediction) -> None:
        """Print the answer and its warnings."""
        self._print(render_prediction(prediction))
        self._print_warnings(prediction)

    def show_submitted(self, prediction: Prediction) -> None:
        """Print the bare id, for scripts, and beside it how to follow it."""
        self._print(Text(prediction.id))
        self._print_warnings(prediction)
        follow = self._follow_command.format(id=prediction.id)
        self._print_hint(f"{prediction.status}{describe_place(prediction)}; follow it with: {follow}")

    def show_canceled(self, prediction: Prediction) -> None:
        """Print whether it has stopped or will."""
        outlook = "" if prediction.status.is_final else "; it was asked to stop"
        self._print(Text(f"{prediction.id}  {prediction.status}{outlook}"))

    def show_predictions(self, page: PredictionPage) -> None:
        """Print a table of the jobs, and how to see those behind them."""
        self._print(render_predictions(page))
        if page.next_cursor:
            self._print_hint(f"There are more: rowcall list --cursor {page.next_cursor}")

    def show_event(self, event: "Event") -> None:
        """Print what happened, and at the end the answer."""
        if event.prediction is not None:
            self.show_prediction(event.prediction)
        else:
            self._print(render_event(event))

    def show_models(self, models: ModelList) -> None:
        """Print a table of the models."""
        self._print(render_models(models))

    def show_model(self, model: Model) -> None:
        """Print a model with its features and metrics."""
        self._print(render_model(model))

    def show_quarantine(self, page: QuarantinePage) -> None:
        """Print a table of the jobs, and how to see those behind them."""
        self._print(render_quarantine(page))
        if page.next_cursor:
            self._print_hint(f"There are more: rowcall quarantine list --cursor {page.next_cursor}")

    def show_quarantined(self, job: QuarantinedJob) -> None:
        """Print the job and its input."""
        self._print(render_quarantined(job))

    def show_redrive(self, redrive: Redrive) -> None:
        """Print the bare id to follow, for scripts."""
        self._print(Text(redrive.redriven_as))

    def show_new_key(self, key: Key) -> None:
        """Print the bare key, for scripts."""
        # Never broken into lines: it is copied from here.
        self._stdout.print(Text(key.key or ""), soft_wrap=True)
        self._print_hint(f"{key.id}, owner {key.owner}. Keep the key: the server shows it only now.")

    def show_keys(self, keys: KeyList) -> None:
        """Print a table of the keys."""
        self._print(render_keys(keys))

    def show_removed(self, name: str, how: str) -> None:
        """Print how it went."""
        self._print(Text(f"{name}  {how}"))

    def show_error(self, error: RowcallError) -> None:
        """Print what happened, and below it what to do about it."""
        first, *rest = describe_error(error, self._follow_command)
        self._print_hint(Text.assemble(("error: ", "bold red"), first))
        for line in rest:
            self._print_hint(f"  {line}")

    def _print_warnings(self, prediction: Prediction) -> None:
        for line in describe_notes(prediction.warnings):
            self._print_hint(Text.assemble(("warning: ", "yellow"), line))

    def _print(self, renderable: RenderableType) -> None:
        self._stdout.print(renderable)

    def _print_hint(self, line: str | Text) -> None:
        self._stderr.print(Text(line) if isinstance(line, str) else line, soft_wrap=True)


def make_console(*, stderr: bool) -> Console:
    """A console that leaves words as they are, and never breaks lines for a program."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console
