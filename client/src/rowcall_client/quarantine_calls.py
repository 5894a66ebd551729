"""Everything that operators ask of a server: how the requests look."""

from urllib.parse import quote, urlencode

from rowcall_client.exchange import HttpExchange
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive


class QuarantineCalls:
    """The requests about jobs in quarantine, on one connection.

    Every method raises ProblemError (status 401 without the right token, 404 for a job that is not in quarantine),
    ConnectionFailed and AnswerNotUnderstood.
    """

    def __init__(self, exchange: HttpExchange, *, token: str | None) -> None:
        self._exchange = exchange
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def page(self, cursor: str | None = None) -> QuarantinePage:
        """Return the first jobs, or those behind a cursor."""
        query = f"?{urlencode({'cursor': cursor})}" if cursor else ""
        response = self._exchange.send("GET", f"/v1/quarantine{query}", headers=self._headers)
        return self._exchange.decode(response, QuarantinePage.decode)

    def show(self, job_id: str) -> QuarantinedJob:
        """Return a job with its input."""
        response = self._exchange.send("GET", path_of_quarantined(job_id), headers=self._headers)
        return self._exchange.decode(response, QuarantinedJob.decode)

    def redrive(self, job_id: str) -> Redrive:
        """Begin a job again: a prediction as a new job, a step by taking its batch up again. Safe to repeat."""
        response = self._exchange.send("POST", f"{path_of_quarantined(job_id)}/redrive", headers=self._headers)
        return self._exchange.decode(response, Redrive.decode)

    def drop(self, job_id: str) -> None:
        """Delete the input of a job; its answer stays."""
        self._exchange.send("DELETE", path_of_quarantined(job_id), headers=self._headers)


def path_of_quarantined(job_id: str) -> str:
    """Path of one job in quarantine."""
    return f"/v1/quarantine/{quote(job_id, safe='')}"
