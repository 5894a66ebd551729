"""Who asks, and what they may do. How a caller proves it is nobody else's business."""

from dataclasses import dataclass
from enum import StrEnum

from flask import Flask
from flask.globals import request_ctx

#: Key of the WSGI environment under which a request has its caller.
CALLER = "rowcall.caller"


class Scope(StrEnum):
    """What a caller may do."""

    #: Submit, read and cancel predictions.
    PREDICT = "predict"
    #: Upload files, follow and cancel them, read their results.
    BATCH = "batch"
    #: Decide on quarantined jobs of all owners, and on keys.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request."""

    #: Sees its own jobs and batches, and no others.
    owner: str
    #: The key that it was sent with.
    key_id: str
    scopes: frozenset[Scope]


#: Every caller where no keys are asked for.
ANYONE = Caller(owner="", key_id="", scopes=frozenset({Scope.PREDICT, Scope.BATCH}))


def current_caller() -> Caller:
    """Return who sent the request that Flask is working on."""
    caller: Caller = request_ctx.request.environ[CALLER]
    return caller


class Callers:
    """Finds out who asks."""

    def find_known(self, _authorization: str | None) -> Caller | None:
        """Return the caller that this header proves; None if that cannot be said at once."""
        return ANYONE

    def get(self, _authorization: str | None) -> Caller:
        """Return the caller that this header proves."""
        return ANYONE


def identify_callers(app: Flask, callers: Callers) -> None:
    """Let every request have its caller before its view."""

    @app.before_request
    def identify() -> None:
        environ = request_ctx.request.environ
        if CALLER not in environ:
            environ[CALLER] = callers.get(environ.get("HTTP_AUTHORIZATION"))
