"""Version folders on disk: which there are, and which of them hold what they promise."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from service import manifest as contract
from service.errors import ModelFault
from service.inference import engines, operations
from service.manifest import SAVED_MODEL_FILE, EngineName, Manifest, ManifestFault

# Only a number as it is written: `01` would be a second version 1.
_NUMBER = re.compile("[1-9][0-9]*")


class Found(NamedTuple):
    """A version folder whose manifest, digests and operations hold, and the engine it will get."""

    folder: Path
    manifest: Manifest
    engine: EngineName


def scan(models_dir: Path) -> dict[str, list[Path]]:
    """Every `<name>/<integer>/` below a models folder, versions ascending; raises ModelFault if there is none."""
    if not models_dir.is_dir():
        raise ModelFault(f"{models_dir} is no folder; SQUINT_MODELS_DIR names the one with <name>/<version>/ below it")
    try:
        found = {name: versions(models_dir / name) for name in _folders(models_dir) if not name.startswith(".")}
    except OSError as error:
        raise ModelFault(f"{error.filename}: {error.strerror}") from error
    if not any(found.values()):
        raise ModelFault(f"{models_dir} holds no model: no folder <name>/<version>/ is there")
    return {name: paths for name, paths in found.items() if paths}


def versions(home: Path) -> list[Path]:
    """Every `<integer>/` below a model's folder, ascending; none if there is no such folder."""
    try:
        numbers = sorted(int(name) for name in _folders(home) if _NUMBER.fullmatch(name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError:
        if re.fullmatch(contract.NAME_PATTERN, home.name):
            raise
        return []  # no model can be called so: `lost+found`, which every file system of its own has
    return [home / str(number) for number in numbers]


def _folders(path: Path) -> list[str]:
    with os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())


def examine(folder: Path, wanted_engine: str) -> Found:
    """Checks a version folder without loading it; raises ModelFault naming the file and the fault."""
    manifest = hold(folder)
    return Found(folder, manifest, engines.choose(folder, manifest, wanted_engine))


def hold(folder: Path) -> Manifest:
    """The manifest of a folder that holds what it promises, whatever engine may load it; raises ModelFault."""
    try:
        manifest = contract.read(folder)
        contract.verify_files(folder, manifest)
    except ManifestFault as error:
        raise ModelFault(str(error)) from error
    if SAVED_MODEL_FILE in manifest.files and (refused := operations.refused(folder)):
        raise ModelFault(
            f"{folder / SAVED_MODEL_FILE}: holds operations that a classifier does not need and may not have: "
            f"{', '.join(refused)}"
        )
    return manifest


def check_start(models_dir: Path, wanted_engine: str) -> list[str]:
    """The names of all models; raises ModelFault with every fault found if one has no version that could be served."""
    found = scan(models_dir)
    for name, folders in found.items():
        faults = [str(result) for result in _examined(folders, wanted_engine) if isinstance(result, ModelFault)]
        if len(faults) == len(folders):
            raise ModelFault(f"model {name} has no version that can be served:\n" + "\n".join(faults))
    return list(found)


def _examined(paths: list[Path], wanted_engine: str) -> Iterator[Found | ModelFault]:
    for folder in paths:
        try:
            yield examine(folder, wanted_engine)
        except ModelFault as fault:
            yield fault
