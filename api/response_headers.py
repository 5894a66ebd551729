"""What every answer tells a browser: to guess no type, to name us to nobody, to keep nothing, to run nothing."""

from flask import Flask, Response

from shared.settings import Settings

#: An answer that is data runs nothing and is shown in no frame; a page of ours runs our own files, and nothing else.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def make_response_headers(settings: Settings) -> dict[str, str]:
    """Return the headers of every answer that has no others under these names."""
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": DATA_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    if settings.hsts_seconds:
        headers["Strict-Transport-Security"] = f"max-age={settings.hsts_seconds}"
    return headers


def add_response_headers(app: Flask, headers: dict[str, str]) -> None:
    """Write them into every answer that goes through Flask; `Express` writes them into the others."""
    items = list(headers.items())

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in items:
            response.headers.setdefault(name, value)
        return response
