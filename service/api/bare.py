"""Problem documents as bytes of HTTP, for what is answered without the app."""

from email.utils import formatdate
from http import HTTPStatus

from service.api.headers import ALWAYS
from service.api.problems import document
from service.api.telemetry.request_id import new


def bare(
    status: int,
    code: str,
    detail: str,
    *,
    path: str = "",
    request_id: str | None = None,
    keep: bool = False,
    retry_after_s: int | None = None,
) -> bytes:
    """A whole response; `keep` says that the connection stays open after it."""
    own_id = request_id or new()
    # Where the path did not arrive, `error` too, for the protocols' clients.
    content, media_type = document(path, status, code, detail, own_id, **({} if path else {"error": detail}))
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Date: {formatdate(usegmt=True)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        f"Content-Type: {media_type}",
        *(f"{name}: {value}" for name, value in ALWAYS.items()),
        f"X-Request-ID: {own_id}",
        *([] if retry_after_s is None else [f"Retry-After: {retry_after_s}"]),
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*lines, "", content]).encode("ascii")
