"""Every exception of the client, one shallow tree that says whose fault it is.

RowcallError
├── ProblemError            the server answered with an error, as a problem document (RFC 9457)
├── ConnectionFailed        there was no answer
├── AnswerNotUnderstood     there was an answer, but not one of Rowcall
├── DownloadBroken          a file broke off and cannot be continued
├── PredictionFailed        the job ended failed, canceled or expired
├── WaitTimedOut            the job is not finished yet; it goes on
└── BatchNotFinished        the batch is not finished yet; it goes on
"""

from rowcall_client.batches import Batch
from rowcall_client.predictions import Document, FieldNote, Prediction, decode_notes


class RowcallError(Exception):
    """Raised when a call did not bring what was asked for; the base of all others."""


class ProblemError(RowcallError):
    """Raised when the server refused a request (status 4xx) or could not do it (5xx)."""

    def __init__(self, status: int, problem: Document, *, retry_after_seconds: float | None = None) -> None:
        #: HTTP status of the answer.
        self.status = status
        #: Stable name of the reason, such as `model_not_found`.
        self.code = str(problem.get("code") or f"http_{status}")
        #: Short name of the kind of problem, for people.
        self.title = str(problem.get("title") or f"HTTP status {status}")
        #: What happened, for people.
        self.detail = str(problem.get("detail") or problem.get("error") or self.title)
        #: The fields that were refused.
        self.errors: tuple[FieldNote, ...] = decode_notes(problem.get("errors"))
        #: Whether the same request may succeed later.
        self.retryable = problem.get("retryable") is True
        #: What to quote to whoever runs the server; empty when it was not given.
        self.request_id = str(problem.get("request_id") or "")
        #: How long the server asks to stay away; None when it does not say.
        self.retry_after_seconds = retry_after_seconds
        #: The whole problem document; empty when the answer had none.
        self.raw = problem
        super().__init__(f"{self.detail} ({status} {self.code})")


class ConnectionFailed(RowcallError):
    """Raised when no answer came from the server, or only a part of one."""

    def __init__(self, url: str, reason: str, *, request_sent: bool) -> None:
        #: Address of the server.
        self.url = url
        #: What went wrong on the way, in the words of the HTTP library.
        self.reason = reason
        #: Whether the server may have received the request, and so may have accepted a job.
        self.request_sent = request_sent
        super().__init__(f"{self.what} ({reason}). {self.mend}")

    @property
    def what(self) -> str:
        """What happened, in one clause."""
        if self.request_sent:
            return f"The connection to {self.url} broke before an answer came"
        return f"No server can be reached at {self.url}"

    @property
    def mend(self) -> str:
        """What to do about it, in one sentence."""
        if self.request_sent:
            return "Try again; what was being submitted may have been accepted all the same."
        return "Start one with `make up`, or name another with --url or ROWCALL_URL."


class AnswerNotUnderstood(RowcallError):
    """Raised when an answer is not a document of Rowcall; most likely another service has the address."""

    def __init__(self, url: str) -> None:
        #: Address that was asked.
        self.url = url
        super().__init__(f"The answer of {url} is not one of Rowcall. Check the address: --url or ROWCALL_URL.")


class DownloadBroken(RowcallError):
    """Raised when a download broke off, the file has changed since, and what was written cannot be taken back."""

    def __init__(self, received_bytes: int) -> None:
        #: How many bytes were written.
        self.received_bytes = received_bytes
        super().__init__(f"The download broke off after {received_bytes} bytes and cannot be continued. Try again.")


class PredictionFailed(RowcallError):
    """Raised when a job has ended failed, canceled or expired."""

    def __init__(self, prediction: Prediction) -> None:
        #: The job in its final state.
        self.prediction = prediction
        reason = f": {prediction.error.detail}" if prediction.error else ""
        super().__init__(f"{prediction.id} {ENDINGS[prediction.status.value]}{reason}")


class WaitTimedOut(RowcallError):
    """Raised when a job is not finished at the end of a wait; it goes on, and can be waited for again."""

    def __init__(self, prediction: Prediction, waited_seconds: float) -> None:
        #: The job as it was when the wait ended.
        self.prediction = prediction
        #: How long the caller wanted to wait.
        self.waited_seconds = waited_seconds
        super().__init__(f"{prediction.id} is still {prediction.status} after {waited_seconds:g} s")


class BatchNotFinished(RowcallError):
    """Raised when a batch is not finished at the end of a wait; it goes on, and can be waited for again."""

    def __init__(self, batch: Batch, waited_seconds: float) -> None:
        #: The batch as it was when the wait ended.
        self.batch = batch
        #: How long the caller wanted to wait.
        self.waited_seconds = waited_seconds
        super().__init__(f"{batch.id} is still {batch.status} after {waited_seconds:g} s")


#: How a sentence about a job ends, by its final status.
ENDINGS = {"failed": "failed", "canceled": "was canceled", "expired": "expired before it was finished"}
