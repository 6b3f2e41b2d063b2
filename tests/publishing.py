"""Versions of a model put beside each other as `training.publish` does it, and changed as nobody should."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from service.inference.registry import Registry


def publish(models_dir: Path, version: int, name: str = "mnist", *, spoiled: bool = False, **changes: Any) -> Path:
    """Copies `mnist/1` to a new version whose manifest has these changes, and has it appear in one step."""
    part = models_dir / name / f".{version}.part"
    shutil.copytree(models_dir / "mnist" / "1", part)
    change(part, name=name, version=version, **changes)
    if spoiled:
        spoil(part)
    os.rename(part, part.with_name(str(version)))
    return part.with_name(str(version))


def change(folder: Path, **changes: Any) -> None:
    """Replaces keys of a version's manifest."""
    part = folder / ".manifest.part"
    part.write_text(json.dumps({**json.loads((folder / "manifest.json").read_text()), **changes}))
    os.replace(part, folder / "manifest.json")


def spoil(folder: Path) -> None:
    """Cuts a file short in place."""
    (folder / "model.tflite").write_bytes((folder / "model.tflite").read_bytes()[:1000])


def misstated(folder: Path) -> list[Any]:
    """The golden pictures of a manifest with probabilities that no engine gives."""
    stated: list[Any] = json.loads((folder / "manifest.json").read_text())["golden"]
    for rows in stated[0]["probabilities"].values():
        rows.reverse()
    return stated


def label(models_dir: Path, text: str | None = None, **labels: int) -> None:
    """Writes the version labels of mnist, or any text in their place, in one step."""
    path = models_dir / "mnist" / "version_labels.json"
    part = path.with_name(".labels.part")
    part.write_text(json.dumps(labels) if text is None else text)
    os.replace(part, path)


def loaded(models_dir: Path) -> Registry:
    """A registry over a models folder, by LiteRT."""
    registry = Registry(models_dir, "litert", threads=1)
    registry.load()
    return registry


def settle(registry: Registry) -> None:
    """Has what changed judged: it must look the same twice."""
    registry.look()
    registry.look()


def served(registry: Registry) -> int:
    """The version of mnist that answers by default."""
    return registry.get("mnist").manifest.version
