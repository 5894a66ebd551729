"""What operators can do: with the API keys of a server, and with the jobs in its quarantine."""

from collections.abc import Sequence

from rowcall_client import operator_flows as flows
from rowcall_client.exchange import Exchange
from rowcall_client.keys import Key, KeyList
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive


class KeyCalls:
    """The API keys of a server.

    Every method raises ProblemError (status 401 without a valid key, 403 for one without the scope `admin`),
    ConnectionFailed and AnswerNotUnderstood.
    """

    def __init__(self, exchange: Exchange, *, token: str | None) -> None:
        self._exchange = exchange
        self._token = token

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        owner: str | None = None,
        valid_seconds: int | None = None,
        requests_per_second: float | None = None,
    ) -> Key:
        """Make a key, which the server shows only now.

        owner: whose jobs it reaches; None for an owner of its own. valid_seconds: None for a key that never expires.
        requests_per_second: how many are accepted of it; 0 for all, None for what the server is set to.
        """
        flow = flows.create_key(self._token, name, scopes, owner, valid_seconds, requests_per_second)
        return self._exchange.run(flow)

    def list(self) -> KeyList:
        """Return the keys that were not revoked."""
        return self._exchange.run(flows.list_keys(self._token))

    def revoke(self, key_id: str) -> None:
        """Have a key refused, everywhere after 5 s."""
        self._exchange.run(flows.revoke_key(self._token, key_id))


class QuarantineCalls:
    """The jobs in quarantine.

    Every method raises ProblemError (status 401 without the right token, 404 for a job that is not in quarantine),
    ConnectionFailed and AnswerNotUnderstood.
    """

    def __init__(self, exchange: Exchange, *, token: str | None) -> None:
        self._exchange = exchange
        self._token = token

    def page(self, cursor: str | None = None) -> QuarantinePage:
        """Return the first jobs, or those behind a cursor."""
        return self._exchange.run(flows.read_quarantine(self._token, cursor))

    def show(self, job_id: str) -> QuarantinedJob:
        """Return a job with its input."""
        return self._exchange.run(flows.show_quarantined(self._token, job_id))

    def redrive(self, job_id: str) -> Redrive:
        """Begin a job again: a prediction as a new job, a step by taking its batch up again. Safe to repeat."""
        return self._exchange.run(flows.redrive(self._token, job_id))

    def drop(self, job_id: str) -> None:
        """Delete the input of a job; its answer stays."""
        self._exchange.run(flows.drop_quarantined(self._token, job_id))
