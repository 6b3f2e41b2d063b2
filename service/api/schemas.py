"""The bodies of requests as the code validates them, and those of answers as the code gives them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, StrictBool, StrictInt, StrictStr

from service import manifest

# No setting allows more; a longer list is given up at once, before it costs memory.
MOST_IMAGES = 10_000

Probability = Annotated[float, Field(ge=0, le=1)]


class PredictBody(BaseModel):
    """`{"images": ["<base64>", …]}`; a `data:` URL's head is allowed before the base64, other keys are ignored."""

    # Forbidden keys would each be listed as a fault: a body full of them costs seconds.
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    images: Annotated[list[str], Field(min_length=1, max_length=MOST_IMAGES), FailFast()]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Told(_Answer):
    """A decision or a warning: `code` for programs, `text` for people."""

    code: str
    text: str


class Seen(_Answer):
    """What the model saw of a picture, and every decision that led to it, in order."""

    png: str
    """The array as a PNG file, in base64."""

    steps: list[Told]


class Top(_Answer):
    """One of the labels with the highest probabilities."""

    label: str
    probability: Probability


class Predicted(_Answer):
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


class Predictions(_Answer):
    """One prediction a picture, in the order in which they were sent."""

    model: str
    version: int
    predictions: list[Predicted]


class Listed(_Answer):
    """A model, its versions, and the one that answers by default."""

    name: str
    version: int | None
    """The one that answers by default; null while none could be loaded."""

    versions: list[int]
    version_labels: dict[str, int]
    """The version that each version label names."""

    faults: dict[str, str] | None = None
    """By version, why it could not be loaded."""


class Models(_Answer):
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
    energy_threshold: float | None = None
    provenance: manifest.Provenance | None = None


class Example(_Answer):
    """A picture to try a model with, by its number, and the label that the model gives it."""

    index: int
    label: str


class Examples(_Answer):
    """The pictures that a version has to be tried with."""

    model: str
    version: int
    examples: list[Example]


class Problem(_Answer):
    """A fault, as RFC 9457 has it: `code` is stable for programs, `detail` a sentence for people."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str | None


class ProtocolError(_Answer):
    """A fault as the protocols' clients read it."""

    error: str
    """What is wrong and what to do about it."""


class Status(_Answer):
    """That the service is alive or ready."""

    status: str


# No model has more inputs or outputs; a longer list is given up at once.
_MOST_TENSORS = 16
_Dimension = Annotated[StrictInt, Field(ge=0, lt=2**63)]


class _Sent(BaseModel):
    # Not strict as a whole: that would have models in models made beforehand.
    model_config = ConfigDict(extra="ignore", frozen=True)


class InferParameters(_Sent):
    """Of a whole request; `timeout` in microseconds, 0 for none."""

    timeout: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 0
    binary_data_output: StrictBool = False


class InferInputParameters(_Sent):
    """Of one input: how many bytes of the binary part are its data."""

    binary_data_size: Annotated[StrictInt, Field(ge=0)] | None = None


class InferOutputParameters(_Sent):
    """Of one output: binary or JSON, and the classification extension's number of classes."""

    binary_data: StrictBool | None = None
    classification: Annotated[StrictInt, Field(ge=1)] | None = None


class InferInput(_Sent):
    """One tensor of a request; `data` is nested as the shape says or flat, and absent from a binary one."""

    name: StrictStr
    shape: Annotated[list[_Dimension], Field(max_length=_MOST_TENSORS, fail_fast=True)]
    datatype: StrictStr
    parameters: InferInputParameters | None = None
    data: list[Any] | None = None


class InferOutput(_Sent):
    """One output that is wanted."""

    name: StrictStr
    parameters: InferOutputParameters | None = None


class InferBody(_Sent):
    """An inference request of the Open Inference Protocol; without `outputs` all are wanted."""

    id: StrictStr | None = None
    parameters: InferParameters | None = None
    inputs: Annotated[list[InferInput], Field(max_length=_MOST_TENSORS, fail_fast=True)]
    outputs: Annotated[list[InferOutput], Field(max_length=_MOST_TENSORS, fail_fast=True)] | None = None


class IndexBody(_Sent):
    """A request for the repository's index; `ready` leaves out what cannot answer."""

    ready: StrictBool = False


class LoadBody(_Sent):
    """A request to load a model."""

    parameters: dict[str, Any] = {}


# Of requests; what `openapi.json` shows of them is what they are validated by.
BODIES: tuple[type[BaseModel], ...] = (PredictBody, InferBody, IndexBody)
