"""API keys: a file of hashed keys, one line a key, `name:role[,role]:sha256$<hexadecimal>`, and what each role opens.

A key is 256 random bits, so nobody finds it by trying, and a plain SHA-256 hides it as well as a slow hash would.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from service.atomic import new_file
from service.errors import Fault, Forbidden, Unauthorized

Role = Literal["predict", "metrics", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
OPEN: Literal["open"] = "open"

_log = logging.getLogger(__name__)
_PREFIX = "squint_"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_ROLE = "|".join(ROLES)
_LINE = re.compile(rf"({_NAME}):((?:{_ROLE})(?:,(?:{_ROLE}))*):sha256\$([0-9a-f]{{64}})")

# Longest matching prefix of whole path segments. A path that is not listed needs the role admin.
_ROLE_OF_PATH: Mapping[str, Role | Literal["open"]] = {
    "/static": OPEN,
    "/docs": OPEN,
    "/openapi.json": OPEN,
    "/openapi.yaml": OPEN,
    "/livez": OPEN,
    "/readyz": OPEN,
    "/v2/health": OPEN,
    "/metrics": "metrics",
    "/models": "predict",
    "/v1": "predict",
    "/v2": "predict",
}


class KeyFileError(Fault):
    """The file of keys cannot be used; the sentence names its line."""

    code = "key_file_error"


class Key(NamedTuple):
    """A line of the file: who has the key, what it opens, and its digest; the key itself is stored nowhere."""

    name: str
    roles: frozenset[str]
    digest: str

    def has(self, role: Role) -> bool:
        """Whether the key has a role; `admin` includes the others."""
        return role in self.roles or "admin" in self.roles


def role_of(path: str) -> Role | Literal["open"]:
    """The role that a request to this path needs."""
    if path == "/":
        return OPEN  # not in the table: "//x" begins with it, and is another path
    while path and path not in _ROLE_OF_PATH:
        path = path.rpartition("/")[0]
    return _ROLE_OF_PATH.get(path, "admin")


def make(name: str, roles: Sequence[Role]) -> tuple[str, str]:
    """A new key, and its line for the file; raises KeyFileError if the name is not valid."""
    key = _PREFIX + secrets.token_urlsafe(32)
    line = f"{name}:{','.join(roles)}:sha256${_digest(key)}"
    parse(line)
    return key, line


def parse(text: str) -> tuple[Key, ...]:
    """The keys of a file, at least one; skips empty lines and comments (#).

    Raises KeyFileError naming the first line that is wrong.
    """
    keys: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            keys.append(_parse_line(number, line.strip(), keys))
    if not keys:
        raise KeyFileError("it holds no key; python -m service key NAME --role predict makes one")
    return tuple(keys)


def _parse_line(number: int, line: str, before: Sequence[Key]) -> Key:
    found = _LINE.fullmatch(line)
    # The sentences do not quote the line: it may contain the key itself.
    if not found:
        raise KeyFileError(
            f"line {number}: must be NAME:ROLE[,ROLE]:sha256$DIGEST, a name of 64 letters, digits, dots, dashes and "
            f"underscores at most, roles of {', '.join(ROLES)}, and 64 hexadecimal digits in lower case"
        )
    name, roles, digest = found.groups()
    if name in {key.name for key in before}:
        raise KeyFileError(f"line {number}: a second key of the name {name}")
    return Key(name, frozenset(roles.split(",")), digest)


def read(path: Path) -> tuple[Key, ...]:
    """The keys of a file; raises KeyFileError."""
    try:
        return parse(path.read_text("utf-8"))
    except OSError as error:
        raise KeyFileError(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeyFileError("it is not text in UTF-8") from error


def find(keys: Sequence[Key], presented: str) -> Key | None:
    """The key that was presented, in constant time."""
    digest, found = _digest(presented), None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


class KeyFile:
    """The keys of a file, read again when the file changes; the last good keys stay valid while the file is broken.

    `last_good` names a copy of the last good file. All workers share it, so that a worker that starts while the file is
    broken has the same keys as the others.
    """

    def __init__(self, path: Path, last_good: Path | None = None) -> None:
        self._path, self._last_good = path, last_good
        self._stamp = self._stat()
        self._keys: tuple[Key, ...] = ()
        self._read()

    def keys(self) -> tuple[Key, ...]:
        """The valid keys; reads the file only if it changed."""
        stamp = self._stat()
        if stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._keys

    def check(self, path: str, authorization: str, api_key: str) -> Key | None:
        """The key of a request to `path`, from its headers `Authorization` and `X-API-Key`; None for an open path.

        Raises Unauthorized without a valid key, and Forbidden if the key lacks the path's role.
        """
        if (role := role_of(path)) == OPEN:
            return None
        presented = _bearer(authorization) or api_key.strip()
        key = find(self.keys(), presented) if presented else None
        if key is None:
            reason = "this key is not known" if presented else "a key is needed"
            raise Unauthorized(f"{reason}; send it as Authorization: Bearer KEY or as X-API-Key: KEY")
        if not key.has(role):
            raise Forbidden(f"the key {key.name} does not have the role {role}", key.name)
        return key

    def _read(self) -> None:
        try:
            keys = read(self._path)
        except KeyFileError as error:
            _log.error("the last good keys stay valid: %s cannot be used: %s", self._path, error)
            self._restore()
            return
        if keys != self._keys:
            self._keys = keys
            _log.info("%d keys read from %s", len(keys), self._path)
            self._keep(keys)

    def _restore(self) -> None:
        # Another worker may have read keys that are newer than this one's.
        if self._last_good:
            with suppress(KeyFileError):
                self._keys = read(self._last_good)

    def _keep(self, keys: Sequence[Key]) -> None:
        if not (self._last_good and self._stamp):
            return
        changed_ns = self._stamp[0]
        text = "".join(f"{key.name}:{','.join(sorted(key.roles))}:sha256${key.digest}\n" for key in keys)
        try:
            # Another worker may have kept a later file meanwhile.
            if self._last_good.exists() and self._last_good.stat().st_mtime_ns > changed_ns:
                return
            with new_file(self._last_good) as part:
                part.write_text(text)
                os.utime(part, ns=(changed_ns, changed_ns))
        except OSError as error:
            _log.error("no copy of the good keys could be written to %s: %s", self._last_good, error)

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - a third of the time, in every request
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
