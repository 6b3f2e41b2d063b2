"""The bodies of requests below `/v2`, as the code validates them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

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
