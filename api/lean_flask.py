"""Flask without what this API does not use: coroutines, sessions, host matching, and finding the same route anew.

Together they take about a third of the time that Flask needs for a request of ours.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from flask.wrappers import Response
from werkzeug.routing import Map, MapAdapter
from werkzeug.wsgi import get_host

#: Most paths of new jobs whose routes are remembered; there are two for each model.
REMEMBERED_PATHS = 256


class LeanFlask(Flask):
    """A Flask application for JSON over HTTP. Views behave as under Flask, but there is no session to write to."""

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name, static_folder=None)
        self.session_interface = _NoSessions()
        self._routes: dict[str, Any] = {}

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function: Flask looks three times a request whether one of ours is a coroutine, and none is."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Bind the routes to a request: none of ours depends on the host, which Flask would read and check at once."""
        if request is None:
            return None
        return _RememberingAdapter(self.url_map, request.environ, self._routes)


class _NoSessions(SessionInterface):
    """Opens the same empty session for every request, and saves none."""

    def __init__(self) -> None:
        self._empty = NullSession()

    def open_session(self, _app: Flask, _request: Request) -> NullSession:
        return self._empty

    def save_session(self, _app: Flask, _session: Any, _response: Response) -> None:
        raise AssertionError("a null session is never saved")


class _RememberingAdapter(MapAdapter):
    """Finds the route of a POST once for each path."""

    def __init__(self, routes: Map, environ: dict[str, Any], remembered: dict[str, Any]) -> None:
        self._remembered = remembered
        self._environ = environ
        super().__init__(
            routes,
            server_name="",
            script_name="/",
            subdomain="",
            url_scheme=environ["wsgi.url_scheme"],
            path_info=_decode(environ["PATH_INFO"]),
            default_method=environ["REQUEST_METHOD"],
            query_args=_decode(environ["QUERY_STRING"]),
        )

    def get_host(self, _domain_part: str | None) -> str:
        """Return the host for a redirect."""
        return get_host(self._environ).lower()

    def match(self, *args: Any, **kwargs: Any) -> Any:
        if self.default_method != "POST" or args or kwargs != {"return_rule": True}:
            return super().match(*args, **kwargs)
        found = self._remembered.get(self.path_info)
        if found is None:
            found = super().match(return_rule=True)
            if len(self._remembered) < REMEMBERED_PATHS:
                self._remembered[self.path_info] = found
        rule, values = found
        return rule, dict(values)


def _decode(text: str) -> str:
    """Return what WSGI has as bytes in Latin-1."""
    return text.encode("latin-1").decode(errors="replace")
