"""Everything that operators ask of a server about API keys: how the requests look."""

from collections.abc import Sequence
from urllib.parse import quote

from rowcall_client.exchange import HttpExchange
from rowcall_client.keys import Key, KeyList


class KeyCalls:
    """The requests about API keys, on one connection.

    Every method raises ProblemError (status 401 without a valid key, 403 for one without the scope `admin`),
    ConnectionFailed and AnswerNotUnderstood.
    """

    def __init__(self, exchange: HttpExchange, *, token: str | None) -> None:
        self._exchange = exchange
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def create(
        self, name: str, scopes: Sequence[str], *, owner: str | None = None, valid_seconds: int | None = None
    ) -> Key:
        """Make a key, which the server shows only now.

        owner: whose jobs it reaches; None for an owner of its own. valid_seconds: None for a key that never expires.
        """
        body = {"name": name, "scopes": list(scopes), "owner": owner, "expires_in_seconds": valid_seconds}
        response = self._exchange.send("POST", "/v1/keys", body=body, headers=self._headers)
        return self._exchange.decode(response, Key.decode)

    def list(self) -> KeyList:
        """Return the keys that were not revoked."""
        return self._exchange.decode(self._exchange.send("GET", "/v1/keys", headers=self._headers), KeyList.decode)

    def revoke(self, key_id: str) -> None:
        """Have a key refused, everywhere after 5 s."""
        self._exchange.send("DELETE", f"/v1/keys/{quote(key_id, safe='')}", headers=self._headers)
