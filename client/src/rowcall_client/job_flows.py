"""What is asked of a server about predictions; the promises are in `client`."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypedDict
from uuid import uuid4

from rowcall_client.connection import find_retry_after_seconds
from rowcall_client.errors import PredictionFailed, WaitTimedOut
from rowcall_client.predictions import Prediction, PredictionPage, Row, Status
from rowcall_client.wire import Answer, Flow, Pause, Repeat, Request, ask, ask_for, choose, encode_json, get, path_of

COLLECTION = "/v1/predictions"
#: Options that go into the body; the others are headers, and the path.
IN_BODY = ("model", "version", "retain_for", "metadata")
#: A long wait is made of requests of at most this length, because proxies cut off longer ones.
LONGEST_SLICE_SECONDS = 20
#: Pause before asking again when the server answered early and named no `Retry-After`.
POLL_PAUSE_SECONDS = 0.5
#: An answer that came after this share of the wait asked for counts as held back.
HELD_BACK_SHARE = 0.9


class JobOptions(TypedDict, total=False):
    """How a job is to be done; what is left out or None, the server decides."""

    #: Needed when several models are served.
    model: str | None
    #: Version of the model; the current one otherwise.
    version: str | None
    #: The job expires when it is not finished by then; at least 1, whole seconds.
    cancel_after_seconds: int | None
    #: How long the final job is kept: seconds, or a text such as "90s"; with 0 only those who wait get the output.
    retain_for: int | str | None
    #: Up to 16 texts of yours, which come back with the job.
    metadata: Mapping[str, str] | None
    #: Jobs with the same key are one; a fresh one otherwise, so that a repeated request is never two jobs.
    idempotency_key: str | None
    #: An id of your own; the same rows under it again are the same job.
    job_id: str | None


def submit(rows: Row | Sequence[Row], options: JobOptions) -> Flow[Prediction]:
    answer = yield from ask(make_submission(rows, options, wait_seconds=0))
    return decode_prediction(answer)


def predict(
    rows: Row | Sequence[Row], options: JobOptions, wait_seconds: float, clock: Callable[[], float]
) -> Flow[Prediction]:
    deadline = clock() + wait_seconds
    answer = yield from ask(make_submission(rows, options, wait_seconds))
    return (yield from follow(answer, deadline, wait_seconds, clock))


def wait(job_id: str, timeout_seconds: float, clock: Callable[[], float]) -> Flow[Prediction]:
    deadline = clock() + timeout_seconds
    answer = yield from ask(make_look(job_id, timeout_seconds))
    return (yield from follow(answer, deadline, timeout_seconds, clock))


def read(job_id: str) -> Flow[Prediction]:
    return decode_prediction((yield from ask(make_look(job_id, wait_seconds=0))))


def cancel(job_id: str) -> Flow[Prediction]:
    # Canceling what is canceled changes nothing.
    request = Request("POST", path_of("predictions", job_id, "cancel"), repeat=Repeat.ALWAYS)
    return decode_prediction((yield from ask(request)))


def retry(job_id: str) -> Flow[Prediction]:
    return decode_prediction((yield from ask(Request("POST", path_of("predictions", job_id, "retry")))))


def delete(job_id: str) -> Flow[None]:
    yield from ask(Request("DELETE", path_of("predictions", job_id), repeat=Repeat.ALWAYS))


def read_page(status: str | None, model: str | None, cursor: str | None, limit: int | None) -> Flow[PredictionPage]:
    parameters = choose(status=status, model=model, cursor=cursor, limit=limit)
    return (yield from ask_for(get(COLLECTION, parameters), PredictionPage.decode))


def make_submission(rows: Row | Sequence[Row], options: JobOptions, wait_seconds: float) -> Request:
    """The request for a new job. Raises ValueError when a value is NaN or infinite."""
    given: Mapping[str, object] = options
    body = {name: given[name] for name in IN_BODY if given.get(name) is not None} | {"input": rows}
    headers = prefer(wait_seconds)
    cancel_after_seconds, job_id = options.get("cancel_after_seconds"), options.get("job_id")
    if cancel_after_seconds is not None:
        headers["Cancel-After"] = f"{cancel_after_seconds:d}s"
    if job_id is None:
        headers["Idempotency-Key"] = options.get("idempotency_key") or str(uuid4())
    return Request(
        "POST" if job_id is None else "PUT",
        COLLECTION if job_id is None else path_of("predictions", job_id),
        headers=headers,
        content=encode_json(body),
        repeat=Repeat.ALWAYS,
        wait_seconds=slice_seconds(wait_seconds),
    )


def make_look(job_id: str, wait_seconds: float) -> Request:
    """The request for a job as it stands, or as it stands at the end of a wait."""
    return Request(
        "GET",
        path_of("predictions", job_id),
        headers=prefer(wait_seconds),
        repeat=Repeat.ALWAYS,
        wait_seconds=slice_seconds(wait_seconds),
    )


def follow(answer: Answer, deadline: float, wait_seconds: float, clock: Callable[[], float]) -> Flow[Prediction]:
    """Ask until the job has succeeded. Raises PredictionFailed and WaitTimedOut."""
    asked_at = deadline - wait_seconds
    prediction = decode_prediction(answer)
    while not prediction.status.is_final:
        now = clock()
        if now >= deadline:
            raise WaitTimedOut(prediction, wait_seconds)
        rest_seconds = find_rest_seconds(answer, asked_at, now, deadline)
        if rest_seconds:
            yield Pause.exactly(rest_seconds)
        asked_at = clock()
        answer = yield from ask(make_look(prediction.id, deadline - asked_at))
        prediction = decode_prediction(answer)
    if prediction.status is not Status.SUCCEEDED:
        raise PredictionFailed(prediction)
    return prediction


def find_rest_seconds(answer: Answer, asked_at: float, now: float, deadline: float) -> float:
    """How long to stay away from a server that did not hold its answer back, as when it has too many waiters."""
    if now - asked_at >= HELD_BACK_SHARE * slice_seconds(deadline - asked_at):
        return 0.0
    pause_seconds = find_retry_after_seconds(answer.headers) or POLL_PAUSE_SECONDS
    return max(0.0, min(pause_seconds, deadline - now))


def decode_prediction(answer: Answer) -> Prediction:
    """Read a job. Raises AnswerNotUnderstood."""
    timing = answer.headers.get("Server-Timing", "")
    return answer.decode(partial(Prediction.decode, server_timing=timing))


def slice_seconds(wait_seconds: float) -> int:
    """How long one request of a wait asks the server to hold its answer back, in whole seconds."""
    return max(0, min(math.ceil(wait_seconds), LONGEST_SLICE_SECONDS))


def prefer(wait_seconds: float) -> dict[str, str]:
    """The request header that asks for a wait; none when there is nothing to wait for."""
    seconds = slice_seconds(wait_seconds)
    return {"Prefer": f"wait={seconds}"} if seconds else {}
