"""`python -m benchmarks.installed PACKAGE…`: versions of these, and the bytes of all that they need, as JSON.

Run by the interpreter that has them; needs `packaging` there and nothing else.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement


def needed(roots: Sequence[str]) -> Iterator[Distribution]:
    """The packages and what they require, each once; what is not installed was not needed here."""
    waiting, seen, given = [Requirement(root) for root in roots], set[str](), set[str]()
    while waiting:
        wanted = waiting.pop()
        found = _found(wanted.name)
        if found is None or str(wanted) in seen:
            continue
        seen.add(str(wanted))
        if found.name not in given:
            given.add(found.name)
            yield found
        waiting += _further(found, ["", *wanted.extras])


def _found(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _further(package: Distribution, extras: Sequence[str]) -> list[Requirement]:
    wanted = [Requirement(text) for text in package.requires or ()]
    return [
        one for one in wanted if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def size_bytes(package: Distribution) -> int:
    """What its files take on the disk, without what Python compiled of them."""
    paths = [Path(str(package.locate_file(file))) for file in package.files or () if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> None:
    """Prints it."""
    names = sys.argv[1:]
    versions = {Requirement(name).name: distribution(Requirement(name).name).version for name in names}
    print(json.dumps({"versions": versions, "bytes": sum(size_bytes(one) for one in needed(names))}))


if __name__ == "__main__":
    main()
