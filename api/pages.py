"""Blueprint: the page for people and the documentation. They run no inline script, and load nothing from elsewhere."""

from collections.abc import Callable
from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, request, send_from_directory

from api.response_headers import PAGE_POLICY

_OWN = Path(__file__).parent / "web"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: Swagger UI itself; the page that comes with it has an inline script, so ours takes its place.
_SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"


def make_pages_blueprint() -> Blueprint:
    """Return the routes of the pages, and of what they load."""
    blueprint = Blueprint("pages", __name__)
    for path, file in find_pages().items():
        view = _make_view(file.read_text(), _TYPES[file.suffix])
        blueprint.add_url_rule(path, file.name.replace(".", "_"), view)

    @blueprint.get("/docs/<path:name>")
    def send_file_of_swagger_ui(name: str) -> Response:
        return send_from_directory(_SWAGGER_UI, name)

    return blueprint


def find_pages() -> dict[str, Path]:
    """Return the file of each path that is ours."""
    parts = {f"/page/{file.name}": file for file in (_OWN / "page").iterdir() if file.suffix in _TYPES}
    page = parts.pop("/page/index.html")
    return {"/": page, **parts, "/docs/": _OWN / "docs.html", "/docs/start.js": _OWN / "docs.js"}


def _make_view(text: str, mimetype: str) -> Callable[[], Response]:
    def show() -> Response:
        headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"}
        response = Response(text, 200, headers, mimetype=mimetype)
        response.add_etag()
        return response.make_conditional(request)  # type: ignore[return-value]  # werkzeug's own response type

    return show
