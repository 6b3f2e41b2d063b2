"""`python -m tests.fuzzing TARGET RUNS`: inputs that reach new code are kept and changed further, so many times.

What it learns lies below .fuzzing/, to go on with; an input that leads to a fault is written to tests/fuzzing/found/.
"""

import hashlib
import sys
from pathlib import Path

import atheris

from tests import fuzzing

_CORPUS = Path(".fuzzing")
_MOST_BYTES, _LONGEST_S, _MOST_MIB = 8192, 10, 3000


def main(name: str, runs: int) -> None:
    """Fuzzes one target."""
    # What is imported here is watched for the code that an input reaches.
    with atheris.instrument_imports(include=["service", "PIL", "werkzeug", "multipart", "json"]):
        target = fuzzing.target(name)
    corpus, found = _CORPUS / name, fuzzing.FOUND / name
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = _CORPUS / f"{name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.WORDS))
    options = {
        "dict": words,
        "atheris_runs": runs,
        "max_len": _MOST_BYTES,
        "timeout": _LONGEST_S,
        "rss_limit_mb": _MOST_MIB,
        "artifact_prefix": f"{found}/",
        "print_final_stats": 1,
    }
    arguments = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], target.one)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
