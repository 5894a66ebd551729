"""Who may use the routes for operators: those who know the token of this deployment."""

import hmac

from flask import request

from shared.errors import OperatorTokenRequired
from shared.settings import Settings


class Operators:
    """Tells operators from everybody else."""

    def __init__(self, settings: Settings) -> None:
        token = settings.operator_token
        self._token = token.get_secret_value().encode() if token else None

    def require(self) -> None:
        """Let the request pass, or raise OperatorTokenRequired."""
        if self._token is None:
            raise OperatorTokenRequired("These routes show what clients sent; set ROWCALL_OPERATOR_TOKEN to use them.")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # Compared in a time that does not depend on how much of it is right.
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            raise OperatorTokenRequired("Send the token of the operators as Authorization: Bearer ….")
