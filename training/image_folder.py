"""How a folder of images is laid out: which of its files are of which split and which class."""

import mimetypes
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from service.images.decode import Limits
from training.dataset import DataFault

# One's own files on one's own machine: only what Pillow itself refuses is too large.
LIMITS = Limits(max_bytes=2**28, max_pixels=178_000_000, max_frames=100_000)
SPLITS = ("train", "validation", "test")
_SPLIT_WORDS = {
    "train": "train|training",
    "validation": "val|valid|validation|validate|dev|eval|evaluation",
    "test": "tests?|testing",
}
# What people put before or after these words, as in `training_set`, `Test Images`, `seg_train`, `x_val`.
_FILLERS = "(?:sets?|data|images?|imgs?|pictures?|pics|photos?|splits?|folder|files|seg|x)*"
_SPLIT_NAMES = {split: re.compile(f"{_FILLERS}(?:{words}){_FILLERS}") for split, words in _SPLIT_WORDS.items()}
# What systems and programs leave in folders, beside hidden files; in lower case.
_LEFTOVERS = {"__macosx", "__pycache__", "@eadir", "$recycle.bin", "lost+found", "thumbs.db", "desktop.ini", "icon\r"}
# Folders around the one with the images, as archives unpack; a link to a folder above would go on for ever.
_MAX_WRAPPERS = 5
_MAX_LISTED = 10

FilesByLabel = Mapping[str, Sequence[Path]]


class Layout(NamedTuple):
    """The files of each class by split, `train` and perhaps `validation` and `test`; all in `train` where none is made.

    `messages` are sentences for the owner: what was taken as what, and what is not used.
    """

    files: Mapping[str, FilesByLabel]
    messages: tuple[str, ...]


def find(root: Path) -> Layout:
    """The layout of a folder; raises DataFault if the folder has none, with what to do."""
    if not root.is_dir():
        raise DataFault(f"{root} is no folder; it should hold one directory of images for each class")
    inner = _unwrapped(root)
    messages = [f"the images are taken from {inner}, the only folder there"] if inner != root else []
    folders = _folders(inner)
    splits = _splits(inner, folders)
    if splits:
        missing = [
            f"the {split} split is taken from {splits['train'].name}/" for split in SPLITS if split not in splits
        ]
        messages.append(
            "; ".join([*(f"{path.name}/ is the {split} split" for split, path in splits.items()), *missing])
        )
    unused = [*_images(inner), *(folder for folder in folders if splits and folder not in splits.values())]
    if unused:
        messages.append(f"not used, for it is of no class: {_listed(unused)}")
    roots = {split: _unwrapped(folder) for split, folder in splits.items()} or {"train": inner}
    return Layout({split: _classes(folder, messages) for split, folder in roots.items()}, tuple(messages))


def _splits(root: Path, folders: Sequence[Path]) -> dict[str, Path]:
    """The folders that are splits, or none where the folders are classes; a validation split alone is the test split.

    A folder is a split if it is named so and holds only folders; images of a class may well be called `train`.
    """
    named = {folder: split for folder in folders if (split := _split_of(folder, folders))}
    splits: dict[str, Path] = {}
    for folder in filter(_holds_only_folders, named):
        if other := splits.get(named[folder]):
            raise DataFault(
                f"{other} and {folder.name} both look like the {named[folder]} split; keep one of them here"
            )
        splits[named[folder]] = folder
    if not splits and named and len(named) == len(folders):
        raise DataFault(
            f"{root} holds {_listed(folders)}, which are named as splits and not as classes; in each there must "
            "be a directory of images for each class"
        )
    if splits:
        _check_splits(root, splits, [folder for folder in folders if folder not in splits.values()], named)
    if "test" not in splits and "validation" in splits:
        splits["test"] = splits.pop("validation")
    return {split: splits[split] for split in SPLITS if split in splits}


def _check_splits(root: Path, splits: Mapping[str, Path], others: Sequence[Path], named: Mapping[Path, str]) -> None:
    """Raises DataFault unless there is a train split, and nothing beside the splits that may be one or a class."""
    if flat := [folder for folder in others if folder in named and _images(folder)]:
        raise DataFault(
            f"{flat[0]} holds images and no directory for each class, so their classes are not known; sort them into "
            "class directories or move the folder away"
        )
    if "train" not in splits:
        found = _listed(list(splits.values()))
        raise DataFault(f"{root} has {found}, which looks like a split, and no train/ beside it, with the same classes")
    if len(splits) == 1 and others:
        raise DataFault(
            f"{root} has {splits['train'].name}, which holds only folders as a split does, and beside it "
            f"{_listed(others)}: if it is a split, it must have val/ or test/ beside it and nothing else; if it is a "
            "class, move its images up into it"
        )


def _split_of(folder: Path, siblings: Sequence[Path]) -> str | None:
    """The split that a folder's name means, with or without words that a sibling has too, as in `fruit_train`."""
    uses = Counter(word for sibling in siblings for word in set(_words(sibling)))
    whole, own = "".join(_words(folder)), "".join(word for word in _words(folder) if uses[word] == 1)
    return next((split for split, name in _SPLIT_NAMES.items() if name.fullmatch(whole) or name.fullmatch(own)), None)


def _words(folder: Path) -> list[str]:
    return re.findall("[a-z]+", folder.name.lower())


def _classes(folder: Path, messages: list[str]) -> FilesByLabel:
    """The files of each class; what should be known of them is added to `messages`."""
    classes = _folders(folder)
    if not classes and (images := _images(folder)):
        raise DataFault(
            f"{folder} holds {_listed(images)} and no directory for each class; put each class into its own"
        )
    files = {path.name: _files(path) for path in classes}
    nested = [path for path in classes if files[path.name] and _holds_only_folders(path)]
    if nested and len(nested) == sum(bool(found) for found in files.values()):
        inner = {path.name: path for one in nested for path in _folders(one)}
        raise DataFault(
            f"the folders in {folder}, {_listed(nested)}, hold no images but only folders, "
            f"{_listed([inner[name] for name in sorted(inner)])}: if they are splits, name them train, val and test; "
            "if they are classes, move the images up into them, or put the classes into the splits; if each is a data "
            "set of its own, give one of them"
        )
    messages += [f"class {path.name!r} is all that its folders hold: {_listed(_folders(path))}" for path in nested]
    return files


def _unwrapped(folder: Path) -> Path:
    """The folder that holds the classes or splits, where it is the only one in the folders around it."""
    for _ in range(_MAX_WRAPPERS):
        folders = _folders(folder)
        if len(folders) != 1 or _images(folder) or not _holds_only_folders(folders[0]):
            break
        folder = folders[0]
    return folder


def _holds_only_folders(folder: Path) -> bool:
    """Whether there are folders and no images beside them; documents may lie there."""
    return bool(_folders(folder)) and not _images(folder)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not _is_leftover(path.name))


def _images(folder: Path) -> list[Path]:
    """The files directly in a folder that their names do not show to be something else."""
    files = (path for path in folder.iterdir() if path.is_file() and not _is_leftover(path.name))
    return sorted(file for file in files if (mimetypes.guess_type(file.name)[0] or "image/").startswith("image/"))


def _files(folder: Path) -> list[Path]:
    """All files in a folder and the folders in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(file for file in files if not any(map(_is_leftover, file.relative_to(folder).parts)))


def _is_leftover(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFTOVERS


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _MAX_LISTED} more" if len(paths) > _MAX_LISTED else ""
    return ", ".join(path.name for path in paths[:_MAX_LISTED]) + more
