"""Lets pages on named origins call the API from a browser (CORS). In front of everything: a preflight has no key."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

Message = dict[str, Any]
AsgiApplication = Callable[[Message, Any, Any], Awaitable[None]]

#: What a page may send, and which headers of an answer it may read, besides those that every page may.
METHODS = "GET, HEAD, POST, PUT, DELETE"
REQUEST_HEADERS = (
    "Authorization, Cancel-After, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "Last-Event-ID, Prefer, Range, traceparent, X-Request-Id"
)
ANSWER_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, Preference-Applied, "
    "RateLimit, RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, X-Request-Id"
)
#: How long a browser may go by a preflight.
PREFLIGHT_SECONDS = 600
EVERY_ORIGIN = "*"


def allow_origins(application: AsgiApplication, origins: Collection[str]) -> AsgiApplication:
    """Return the application as pages on these origins may use it; without any, the application itself."""
    return Cors(application, origins) if origins else application


class Cors:
    """Answers preflights, and says of other answers which page may read them. Cookies are never asked for."""

    def __init__(self, application: AsgiApplication, origins: Collection[str]) -> None:
        self._application = application
        self._origins = frozenset(origin.encode() for origin in origins)
        self._allows_all = EVERY_ORIGIN in origins
        self._preflight = _encode(
            {
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": REQUEST_HEADERS,
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            }
        )
        self._exposed = _encode({"Access-Control-Expose-Headers": ANSWER_HEADERS})

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        origin = _find(scope, b"origin")
        allowed = self._allowed(origin)
        if allowed and scope["method"] == "OPTIONS" and _find(scope, b"access-control-request-method"):
            await send({"type": "http.response.start", "status": 204, "headers": allowed + self._preflight})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Also where it allows nothing, so that no cache gives one origin the answer for another.
                more = allowed + self._exposed if allowed else [(b"vary", b"Origin")]
                message = message | {"headers": message["headers"] + more}
            await send(message)

        await self._application(scope, receive, send_allowed)

    def _allowed(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        if not origin or not (self._allows_all or origin in self._origins):
            return []
        return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


def _find(scope: Message, wanted: bytes) -> bytes:
    return next((value for name, value in scope["headers"] if name == wanted), b"")


def _encode(fields: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in fields.items()]
