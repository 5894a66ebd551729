"""Where output goes: results to stdout, everything else to stderr; and the screen of --json, which adds no words."""

import json
from typing import TYPE_CHECKING, Protocol

import typer

from rowcall_client.errors import PredictionFailed, RowcallError, WaitTimedOut
from rowcall_client.keys import Key, KeyList
from rowcall_client.messages import encode_error
from rowcall_client.models import Model, ModelList
from rowcall_client.predictions import Prediction, PredictionPage
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive

if TYPE_CHECKING:
    from rowcall_client.event_stream import Event


class Screen(Protocol):
    """Prints what a command has learned."""

    def show_prediction(self, prediction: Prediction) -> None:
        """Print a job that has succeeded or goes on."""

    def show_submitted(self, prediction: Prediction) -> None:
        """Print a job that was just accepted."""

    def show_canceled(self, prediction: Prediction) -> None:
        """Print a job that was asked to stop."""

    def show_predictions(self, page: PredictionPage) -> None:
        """Print some jobs."""

    def show_event(self, event: "Event") -> None:
        """Print one thing that happened to a job."""

    def show_models(self, models: ModelList) -> None:
        """Print every model that is served."""

    def show_model(self, model: Model) -> None:
        """Print everything about one model."""

    def show_quarantine(self, page: QuarantinePage) -> None:
        """Print jobs in quarantine."""

    def show_quarantined(self, job: QuarantinedJob) -> None:
        """Print one job in quarantine with its input."""

    def show_redrive(self, redrive: Redrive) -> None:
        """Print what became of a job that was begun again."""

    def show_new_key(self, key: Key) -> None:
        """Print a key that was just made."""

    def show_keys(self, keys: KeyList) -> None:
        """Print the keys of the server."""

    def show_removed(self, name: str, how: str) -> None:
        """Print that something is gone; how: `deleted`, `dropped` or `revoked`."""

    def show_error(self, error: RowcallError) -> None:
        """Print why the command did not bring what was asked for."""


class DocumentScreen:
    """The screen of --json: the server's documents, character for character."""

    def show_prediction(self, prediction: Prediction) -> None:
        """Print the job document."""
        print_document(prediction.body)

    show_submitted = show_prediction
    show_canceled = show_prediction

    def show_predictions(self, page: PredictionPage) -> None:
        """Print the list document."""
        print_document(page.body)

    def show_event(self, event: "Event") -> None:
        """Print the event as one line of JSON."""
        print_document(json.dumps({"event": event.name, "id": event.id, "data": event.data}, ensure_ascii=False))

    def show_models(self, models: ModelList) -> None:
        """Print the list document."""
        print_document(models.body)

    def show_model(self, model: Model) -> None:
        """Print the model document."""
        print_document(model.body)

    def show_quarantine(self, page: QuarantinePage) -> None:
        """Print the list document."""
        print_document(page.body)

    def show_quarantined(self, job: QuarantinedJob) -> None:
        """Print the document of the job."""
        print_document(job.body)

    def show_redrive(self, redrive: Redrive) -> None:
        """Print the document of the redrive."""
        print_document(redrive.body)

    def show_new_key(self, key: Key) -> None:
        """Print the document of the key, which holds it."""
        print_document(key.body)

    def show_keys(self, keys: KeyList) -> None:
        """Print the list document."""
        print_document(keys.body)

    def show_removed(self, name: str, how: str) -> None:
        """Print nothing: the server's answer is empty."""

    def show_error(self, error: RowcallError) -> None:
        """Print a job to stdout as any other document, and a problem to stderr."""
        if isinstance(error, PredictionFailed | WaitTimedOut):
            print_document(error.prediction.body)
        else:
            print_document(encode_error(error), err=True)


def print_document(body: str, *, err: bool = False) -> None:
    """Print a JSON document in UTF-8, whatever the terminal speaks."""
    typer.echo(body.rstrip("\n").encode(), err=err)
