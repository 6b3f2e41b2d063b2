"""The bodies that requests may have, as the code validates them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PredictBody(BaseModel):
    """`{"images": ["<base64>", …]}`; a `data:` URL's head is allowed before the base64."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    images: Annotated[list[str], Field(min_length=1)]
