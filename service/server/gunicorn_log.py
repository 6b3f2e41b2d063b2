"""gunicorn's own log, without its access log: each request has its line already, with more in it."""

from typing import Any

from gunicorn.glogging import Logger


class WithoutAccess(Logger):  # type: ignore[misc]
    """gunicorn would put a line together for every request even where nobody reads it."""

    def access(self, *_: Any) -> None:  # noqa: ANN401
        """Does nothing."""
