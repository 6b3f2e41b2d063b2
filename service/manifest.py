"""The contract between training and serving: `manifest.json` in a version folder."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

FILE_NAME = "manifest.json"
LITERT_FILE = "model.tflite"
SAVED_MODEL_FILE = "saved_model.pb"
# Of the SavedModel and of the LiteRT file, as TF Serving calls by default.
SIGNATURE = "serving_default"
# Of the tensors that it takes and gives.
INPUT_NAME = "image"
PROBABILITIES_NAME, LOGITS_NAME = OUTPUT_NAMES = ("probabilities", "logits")

EngineName = Literal["litert", "tensorflow"]
# Lower-case words, as in file names and URLs.
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# What the engines read, and pictures and documents: nothing that a library could be made to run as code.
_MAY_HOLD = re.compile(
    r"saved_model\.pb|fingerprint\.pb|variables/variables\.(index|data-\d{5}-of-\d{5})|model\.tflite"
    r"|(.+/)?[^/]+\.(png|jpe?g|webp|gif|bmp|tiff?|avif|md|txt|json|csv)|LICENSE|NOTICE"
)


class ManifestFault(Exception):
    """A version folder breaks its contract; the message names the file and the fault."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputSpec(_Part):
    """The array a model takes: uint8, `[height, width, channels]`, values 0 to 255."""

    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024)
    channels: Literal[1, 3]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.height, self.width, self.channels


class EngineFacts(_Part):
    """What was measured of one engine, by the code that serves.

    `accuracy` and `agreement` (with the SavedModel's class) are of the test split; versions compete by
    `validation_accuracy`, of the held-out images. `tolerance` is the largest difference in probability from the
    SavedModel's answer. A fact that was not measured is None, and so is `test_images` of versions that state it in
    their provenance alone.
    """

    tolerance: float = Field(gt=0, lt=1)
    accuracy: float | None = Field(default=None, ge=0, le=1)
    agreement: float | None = Field(default=None, ge=0, le=1)
    test_images: int | None = Field(default=None, ge=1)
    validation_accuracy: float | None = Field(default=None, ge=0, le=1)
    validation_images: int | None = Field(default=None, ge=1)
    weights: Literal["float32", "int8"] = "float32"


class Golden(_Part):
    """A picture file in the folder and the probabilities each engine gave for it, in class order."""

    file: str
    probabilities: Mapping[EngineName, tuple[float, ...]]


class Provenance(_Part):
    """How the weights came about."""

    recipe: str
    seed: int
    epochs: int
    data_set: str
    data_digest: Sha256
    train_images: int
    validation_images: int
    test_images: int
    git_commit: str | None = None
    versions: Mapping[str, str] = Field(default_factory=dict)


class Manifest(_Part):
    """Everything the service must know of one version; see `write` and `read`."""

    schema_version: Literal[1] = 1
    name: Name
    version: int = Field(ge=1)
    labels: tuple[str, ...] = Field(min_length=2)
    input: InputSpec
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    engines: Mapping[EngineName, EngineFacts]
    golden: tuple[Golden, ...] = Field(min_length=1)
    # Largest difference between a golden picture's stated and served probabilities on the same engine.
    golden_tolerance: float = Field(default=0.01, gt=0, lt=1)
    # Calibration temperature, already inside the graph (Guo et al. 2017, arXiv 1706.04599).
    temperature: float | None = Field(default=None, gt=0)
    # Held-out images on which it was fitted; 0 where they were too few, so that it is 1. Older versions do not say.
    calibration_images: int | None = Field(default=None, ge=0)
    # Slopes of the predicted label's log-odds above probabilities of 0.5, 0.8 and 0.95, inside the graph as well.
    calibration_slopes: tuple[float, ...] | None = None
    # Standard deviation of the Gaussian prior around 1 of 1 / temperature and of each slope.
    calibration_prior: float | None = Field(default=None, gt=0)
    # SHA-256 of the held-out images and labels. Versions are compared only where it is the same.
    validation_digest: Sha256 | None = None
    # A picture is in distribution if logsumexp(logits) reaches this (Liu et al. 2020, arXiv 2010.03759).
    energy_threshold: float | None = None
    # Whether strokes on an even ground were among the training images; where not, they are out of distribution.
    expects_drawings: bool = True
    provenance: Provenance | None = None
    files: Mapping[str, Sha256]

    @field_validator("labels")
    @classmethod
    def _labels_differ(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(labels)) != len(labels) or not all(label.isprintable() and label for label in labels):
            raise ValueError("labels must be distinct, not empty and printable")
        return labels

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        for golden in self.golden:
            if golden.file not in self.files:
                raise ValueError(f"golden picture {golden.file} is not listed in files")
            if any(len(probabilities) != len(self.labels) for probabilities in golden.probabilities.values()):
                raise ValueError(f"golden picture {golden.file} has not one probability per label")
        return self


def measured_images(manifest: Manifest, engine: EngineName) -> int | None:
    """On how many images the engine's accuracy was measured, or None where the manifest does not say."""
    stated = manifest.engines[engine].test_images
    return manifest.provenance.test_images if stated is None and manifest.provenance else stated


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """The digest of every file in a folder, by POSIX path relative to it; not of the manifest and of hidden files."""
    paths = sorted(path for path in folder.rglob("[!.]*") if path.is_file() and path.name != FILE_NAME)
    return {path.relative_to(folder).as_posix(): digest(path) for path in paths}


def read(folder: Path) -> Manifest:
    """The manifest of a version folder.

    Raises ManifestFault if the file is missing, is not valid or speaks of another folder than this one.
    """
    path = folder / FILE_NAME
    if path.exists() and not path.is_file():  # a pipe would keep its reader waiting
        raise ManifestFault(path, "is no regular file")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ManifestFault(path, error.strerror or str(error)) from error
    except ValidationError as error:
        raise ManifestFault(path, first_error(error)) from error
    stated = (manifest.name, str(manifest.version))
    if stated != (folder.parent.name, folder.name):
        raise ManifestFault(path, f"is the manifest of {'/'.join(stated)}, not of {folder.parent.name}/{folder.name}")
    return manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest with the digests of all files that are in the folder now, in place of those it states."""
    stamped = manifest.model_copy(update={"files": digests(folder)})
    (folder / FILE_NAME).write_text(to_json(stamped))


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Raises ManifestFault naming the first file that is missing, changed, unreadable, not listed or of no use here."""
    try:
        found = digests(folder)
    except OSError as error:
        raise ManifestFault(Path(error.filename or folder), error.strerror or str(error)) from error
    for name, stated in manifest.files.items():
        if name not in found:
            raise ManifestFault(folder / name, "is listed in the manifest and missing")
        if found[name] != stated:
            raise ManifestFault(folder / name, "its SHA-256 is not the manifest's: the file was changed or half copied")
    if unlisted := found.keys() - manifest.files.keys():
        raise ManifestFault(folder / min(unlisted), "is not listed in the manifest, so nothing vouches for it")
    if others := [name for name in found if not _MAY_HOLD.fullmatch(name)]:
        raise ManifestFault(
            folder / others[0],
            "is nothing a version may hold: a SavedModel, model.tflite, pictures, documents; Keras files, HDF5 and "
            "pickles can carry code and are never loaded",
        )


def to_json(manifest: Manifest) -> str:
    """The manifest as it stands on disk: indented, but each list of numbers on one line."""
    text = manifest.model_dump_json(indent=2, exclude_none=True)
    return re.sub(r"\[[^\[\]{}\"]*\]", lambda found: re.sub(r"\s+", " ", found.group()), text) + "\n"


def first_error(error: ValidationError, document: str = "") -> str:
    """Where a document first breaks its schema, and how; `document` stands for the place if it is the whole."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part != "[key]") or document
    return f"{place}: {first['msg']}" if place else first["msg"]
