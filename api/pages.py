"""Blueprint: pages for people. They run no inline script, and load nothing from elsewhere."""

from collections.abc import Callable
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, redirect, request, send_from_directory

from api.response_headers import PAGE_POLICY

_OWN = Path(__file__).parent / "web"
#: Swagger UI itself; the page that comes with it has an inline script, so ours takes its place.
_SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"


def make_pages_blueprint() -> Blueprint:
    """Return the routes of the documentation page."""
    blueprint = Blueprint("pages", __name__)

    @blueprint.get("/")
    def go_to_docs() -> Response:
        return redirect("/docs/")  # type: ignore[return-value]  # werkzeug's own response type

    for path, name, mimetype in (
        ("/docs/", "docs.html", "text/html"),
        ("/docs/start.js", "docs.js", "text/javascript"),
    ):
        blueprint.add_url_rule(path, name.replace(".", "_"), _make_view((_OWN / name).read_text(), mimetype))

    @blueprint.get("/docs/<path:name>")
    def send_file_of_swagger_ui(name: str) -> Response:
        return send_from_directory(_SWAGGER_UI, name)

    return blueprint


def _make_view(text: str, mimetype: str) -> Callable[[], Response]:
    def show() -> Response:
        headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
        response = Response(text, 200, headers, mimetype=mimetype)
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug's own response type

    return show
