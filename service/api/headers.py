"""What every answer tells a browser: do not guess, do not keep, do not run; the page says otherwise for itself."""

from flask import Flask, Response

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def init_app(app: Flask) -> None:
    """Sets them on every answer that does not set its own."""
    app.after_request(_give)


def _give(response: Response) -> Response:
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    return response
