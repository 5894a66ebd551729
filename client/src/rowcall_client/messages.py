"""Plain sentences for people about errors, warnings and jobs that wait: what happened, and how to mend it."""

import json
import re
from collections.abc import Sequence

from rowcall_client.errors import ENDINGS, ConnectionFailed, PredictionFailed, ProblemError, RowcallError, WaitTimedOut
from rowcall_client.exit_codes import FIRST_SERVER_ERROR_STATUS
from rowcall_client.predictions import FieldNote, Prediction

#: Where two words of a class name meet.
NAME_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")


def describe_error(error: RowcallError, follow_command: str) -> list[str]:
    """Return what to print for an error, the most important line first.

    follow_command: the command that waits for the job; its id is put in place of `{id}`.
    """
    match error:
        case ProblemError():
            return describe_problem(error)
        case ConnectionFailed():
            return [f"{error.what} ({error.reason}).", error.mend]
        case PredictionFailed():
            return describe_failure(error.prediction)
        case WaitTimedOut():
            follow = follow_command.format(id=error.prediction.id)
            return [f"{error}{describe_place(error.prediction)}.", f"It goes on; follow it with: {follow}"]
    return [str(error)]


def describe_problem(problem: ProblemError) -> list[str]:
    """Return the lines for a problem document: the fields that were refused, or else its detail."""
    headline = problem.title if problem.errors else problem.detail
    lines = [f"{headline} ({problem.status} {problem.code})", *describe_notes(problem.errors)]
    if problem.code == "model_not_found":
        lines.append("See which models there are with: rowcall models")
    if problem.code == "key_required":
        lines.append("Give it with the variable ROWCALL_API_KEY; an operator, the token with ROWCALL_OPERATOR_TOKEN.")
    if "missing_column" in {problem.code, *(note.code for note in problem.errors)}:
        lines.append("Say which column it is with: --column FEATURE=HEADER")
    if problem.retry_after_seconds is not None:
        lines.append(f"Try again in {problem.retry_after_seconds:g} s.")
    if problem.request_id and problem.status >= FIRST_SERVER_ERROR_STATUS:
        lines.append(f"Whoever runs the server can find it by its request id, {problem.request_id}.")
    return lines


def describe_failure(prediction: Prediction) -> list[str]:
    """Return the lines for a job that ended without an output."""
    ending = f"{prediction.id} {ENDINGS[prediction.status.value]}"
    if prediction.error is None:
        return [ending]
    headline = f"{ending}: {prediction.error.detail} ({prediction.error.code})"
    return [headline, *describe_notes(prediction.error.errors)]


def describe_notes(notes: Sequence[FieldNote]) -> list[str]:
    """Return one line for each refused or doubtful field, such as `row 4, height: …`."""
    return [f"{note.place}: {note.detail}" if note.place else note.detail for note in notes]


def describe_place(prediction: Prediction) -> str:
    """Return where a job stands in its queue, beginning with a comma; nothing when it does not wait."""
    if prediction.queue is None:
        return ""
    position, eta_seconds = prediction.queue.position, prediction.queue.eta_seconds
    parts = [
        f", position {position}" if position is not None else "",
        f", done in about {eta_seconds:.2g} s" if eta_seconds is not None else "",
    ]
    return "".join(parts)


def encode_error(error: RowcallError | OSError) -> str:
    """Return an error as a JSON document: the server's problem, or one like it."""
    if isinstance(error, ProblemError) and error.raw:
        document = dict(error.raw)
    elif isinstance(error, ProblemError):
        document = {"title": error.title, "status": error.status, "detail": error.detail, "code": error.code}
    else:
        document = {"detail": str(error), "code": NAME_BOUNDARY.sub("_", type(error).__name__).lower()}
    return json.dumps(document, ensure_ascii=False)
