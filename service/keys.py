"""Who may come in: a file of hashed keys, one line a key, `name:role[,role]:sha256$<hexadecimal>`.

A key is 256 random bits, so nobody finds it by trying, and a plain SHA-256 hides it as well as a slow hash would.
"""

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from service.errors import Fault

Role = Literal["predict", "metrics", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

_log = logging.getLogger(__name__)
_PREFIX = "squint_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"sha256\$([0-9a-f]{64})")


class KeysFault(Fault):
    """The file of keys cannot be used; the sentence names its line."""

    code = "keys_fault"


class Key(NamedTuple):
    """What is known of a key: not the key itself."""

    name: str
    roles: frozenset[str]
    digest: str

    def may(self, role: Role) -> bool:
        """Whether the key has a role; `admin` has them all."""
        return role in self.roles or "admin" in self.roles


def make(name: str, roles: Sequence[Role]) -> tuple[str, str]:
    """A new key, and the line for the file; raises KeysFault if the name is not one."""
    key = _PREFIX + secrets.token_urlsafe(32)
    line = f"{name}:{','.join(roles)}:sha256${_digest(key)}"
    parse(line)
    return key, line


def parse(text: str) -> tuple[Key, ...]:
    """The keys of a file, at least one; empty lines and those that begin with # are skipped.

    Raises KeysFault naming the first line that is wrong.
    """
    keys: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            keys.append(_key(number, line.strip(), keys))
    if not keys:
        raise KeysFault("it holds no key; python -m service key NAME --role predict makes one")
    return tuple(keys)


def _key(number: int, line: str, before: Sequence[Key]) -> Key:
    name, _, rest = line.partition(":")
    words, _, digest = rest.partition(":")
    roles = words.split(",")
    # What is wrong is not quoted: somebody may have put the key itself there.
    if not _NAME.fullmatch(name):
        raise KeysFault(f"line {number}: the name must be letters, digits, dots, dashes and underscores, at most 64")
    if name in {key.name for key in before}:
        raise KeysFault(f"line {number}: a second key of the name {name}")
    if not set(roles) <= set(ROLES):
        raise KeysFault(f"line {number}: the roles must be of {', '.join(ROLES)}, with commas between them")
    found = _DIGEST.fullmatch(digest)
    if not found:
        raise KeysFault(f"line {number}: after the roles must stand sha256$ and 64 hexadecimal digits in lower case")
    return Key(name, frozenset(roles), found[1])


def read(path: Path) -> tuple[Key, ...]:
    """The keys of a file; raises KeysFault."""
    try:
        return parse(path.read_text("utf-8"))
    except OSError as error:
        raise KeysFault(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeysFault("it is not text in UTF-8") from error


def find(keys: Sequence[Key], presented: str) -> Key | None:
    """The key that was presented; takes the same time whichever it is, if any."""
    digest, found = _digest(presented), None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


class KeyFile:
    """The keys of a file as it is now; one that became unusable is logged, and the keys before it hold on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._stamped()
        self._keys = read(path)

    def keys(self) -> tuple[Key, ...]:
        """Those of the file; it is read again only if it was changed."""
        stamp = self._stamped()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._keys = read(self._path)
                _log.info("keys read again from %s: %d", self._path, len(self._keys))
            except KeysFault as fault:
                _log.error("the keys before hold on, for %s was changed and cannot be used: %s", self._path, fault)
        return self._keys

    def _stamped(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - a third of the time, in every request
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
