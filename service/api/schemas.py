"""The bodies of requests as the code validates them, and those of answers as the code gives them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from service import manifest
from service.settings import MOST_IMAGES

Probability = Annotated[float, Field(ge=0, le=1)]


class PredictBody(BaseModel):
    """`{"images": ["<base64>", …]}`; a `data:` URL's head is allowed before the base64, other keys are ignored."""

    # Forbidden keys would each be listed as a fault: a body full of them costs seconds.
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    images: Annotated[list[str], Field(min_length=1, max_length=MOST_IMAGES), FailFast()]


class Answer(BaseModel):
    """The body of an answer, of any dialect."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Told(Answer):
    """A decision or a warning: `code` for programs, `text` for people."""

    code: str
    text: str


class Seen(Answer):
    """What the model saw of a picture, and every decision that led to it, in order."""

    png: str
    """The array as a PNG file, in base64."""

    steps: list[Told]


class Top(Answer):
    """One of the labels with the highest probabilities."""

    label: str
    probability: Probability


class Predicted(Answer):
    """What a model says of one picture."""

    label: str
    index: int
    """Of the label, in class order."""

    probability: Probability
    """Of the label."""

    probabilities: dict[str, Probability]
    """Of every class, in class order."""

    top: list[Top] | None = None
    """With `top_k` only."""

    in_distribution: bool | None = None
    """False for a picture unlike those the model was trained on; absent where the model cannot tell."""

    warnings: list[Told]

    seen: Seen | None = None
    """With `seen=1` only."""


class Predictions(Answer):
    """One prediction a picture, in the order in which they were sent."""

    model: str
    version: int
    predictions: list[Predicted]


class Listed(Answer):
    """A model, its versions, and the one that answers by default."""

    name: str
    version: int | None
    """The one that answers by default; null while none could be loaded."""

    versions: list[int]
    version_labels: dict[str, int]
    """The version that each version label names."""

    faults: dict[str, str] | None = None
    """By version, why it could not be loaded."""


class Models(Answer):
    """Every model."""

    models: list[Listed]
    fault: str | None = None
    """Why the models folder itself cannot be read; what is loaded serves on."""


class Input(manifest.InputSpec):
    """What a model takes: the array, and the kind of picture that is turned into it."""

    kind: str


class Model(Listed):
    """A model, and one of its versions in full."""

    states: dict[str, Literal["loaded", "fault"]]
    """Of every version on disk."""

    labels: list[str]
    """In class order."""

    input: Input
    engine: manifest.EngineName
    metrics: dict[manifest.EngineName, manifest.EngineFacts]
    """On the test split, by engine."""

    temperature: float | None = None
    calibration_images: int | None = None
    """Held-out images on which the temperature was fitted; 0: too few, so it stays 1."""

    energy_threshold: float | None = None
    expects_drawings: bool
    """Whether strokes on an even ground are among what the model was trained on."""

    provenance: manifest.Provenance | None = None


class Example(Answer):
    """A picture to try a model with, by its number, and the label that the model gives it."""

    index: int
    label: str


class Examples(Answer):
    """The pictures that a version has to be tried with."""

    model: str
    version: int
    examples: list[Example]


class Problem(Answer):
    """A fault, as RFC 9457 has it: `code` is stable for programs, `detail` a sentence for people."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None


class ProtocolError(Answer):
    """A fault as the protocols' clients read it."""

    error: str
    """What is wrong and what to do about it."""


class Status(Answer):
    """That the service is alive or ready."""

    status: str
