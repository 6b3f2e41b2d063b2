"""What every answer tells a browser: do not guess, do not keep, do not run; the page says otherwise for itself."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def always(app: "WSGIApplication") -> "WSGIApplication":
    """The app with these headers on every answer that does not set its own.

    Around the app rather than a hook in it: Werkzeug's headers search the whole list for each name.
    """

    def called(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def started(
            status: str, headers: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None, /
        ) -> Callable[[bytes], object]:
            own = {name.lower() for name, _ in headers}
            given = [(name, value) for name, value in ALWAYS.items() if name.lower() not in own]
            return start_response(status, headers + given, exc_info)

        return app(environ, started)

    return called
