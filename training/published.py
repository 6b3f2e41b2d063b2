"""What is in the models folder."""

from pathlib import Path

from service import manifest as contract
from service.errors import Fault, did_you_mean


class NoSuchModel(Fault):
    """No published model is called so; the sentence says which there are."""

    code = "no_such_model"


def latest(models_dir: Path, name: str | None = None) -> list[Path]:
    """The latest version folder of every model, or of the one of that name; raises NoSuchModel."""
    numbered = (path for path in models_dir.glob("*/*/") if path.name.isdecimal() and name in (None, path.parent.name))
    versions = [path for path in numbered if (path / contract.FILE_NAME).exists()]
    newest = {path.parent.name: path for path in sorted(versions, key=lambda path: int(path.name))}
    if not newest:
        there = sorted({path.parent.parent.name for path in models_dir.glob(f"*/*/{contract.FILE_NAME}")})
        wanted = "model" if name is None else f"model called {name!r}{did_you_mean(name, there)}"
        raise NoSuchModel(f"{models_dir} holds no {wanted}; there are: {', '.join(there) or 'none'}")
    return [newest[model] for model in sorted(newest)]
