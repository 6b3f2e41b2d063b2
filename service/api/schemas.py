"""The bodies that requests may have, as the code validates them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, FailFast, Field

# No setting allows more; a longer list is given up at once, before it costs memory.
MOST_IMAGES = 10_000


class PredictBody(BaseModel):
    """`{"images": ["<base64>", …]}`; a `data:` URL's head is allowed before the base64, other keys are ignored."""

    # Forbidden keys would each be listed as a fault: a body full of them costs seconds.
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    images: Annotated[list[str], Field(min_length=1, max_length=MOST_IMAGES), FailFast()]
