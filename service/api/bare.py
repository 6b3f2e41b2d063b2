"""Problem documents as bytes of HTTP, for what is answered without the app."""

from http import HTTPStatus

from service.api.headers import ALWAYS
from service.api.problems import document
from service.api.request_id import new


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
    content, media_type = document(path, status, code, detail, own_id)
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        f"Content-Type: {media_type}",
        *(f"{name}: {value}" for name, value in ALWAYS.items()),
        f"X-Request-ID: {own_id}",
        *([] if retry_after_s is None else [f"Retry-After: {retry_after_s}"]),
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*lines, "", content]).encode("ascii")
