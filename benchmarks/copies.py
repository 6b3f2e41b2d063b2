"""Many models and versions out of one: hard links to its files under other names, each with a manifest of its own."""

import os
import shutil
from pathlib import Path

from service import manifest as contract


def model_name(number: int, name: str) -> str:
    """The first copy keeps the model's own name."""
    return name if number == 1 else f"{name}_{number}"


def lay(source: Path, models_dir: Path, models: int, versions: int) -> None:
    """Fills `models_dir` with so many models of so many versions each, all of them the version folder `source`."""
    original = contract.read(source)
    for number in range(1, models + 1):
        name = model_name(number, original.name)
        for version in range(1, versions + 1):
            folder = models_dir / name / str(version)
            _link(source, folder)
            copied = original.model_copy(update={"name": name, "version": version})
            (folder / contract.FILE_NAME).write_text(contract.to_json(copied))


def _link(source: Path, folder: Path) -> None:
    for path in source.rglob("*"):
        target = folder / path.relative_to(source)
        if path.is_file() and path.name != contract.FILE_NAME:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:  # on another disk
                shutil.copyfile(path, target)
