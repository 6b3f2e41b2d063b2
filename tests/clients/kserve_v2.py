"""`kserve_v2.py URL` with a task on standard input: what KServe's client gets over v2, as one JSON object."""

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

MODEL = "mnist"


async def main() -> None:
    """Asks for everything once."""
    url, pixels = sys.argv[1], np.array(json.load(sys.stdin)["pixels"], np.uint8)
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    told = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model ready": await client.is_model_ready(url, MODEL),
        "unknown ready": await client.is_model_ready(url, "nope"),
    }
    got = {how: await probabilities(client, url, pixels, how == "binary") for how in ("json", "binary")}
    print(json.dumps({"told": told, "probabilities": got, "errors": {"model": await refused(client, url, pixels)}}))


def request(pixels: np.ndarray, binary: bool) -> InferRequest:
    """The pictures as KServe sends them."""
    image = InferInput("image", list(pixels.shape), "UINT8")
    image.set_data_from_numpy(pixels, binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[image])


async def probabilities(client: InferenceRESTClient, url: str, pixels: np.ndarray, binary: bool) -> list[float]:
    """Those of the first picture."""
    answer: Any = await client.infer(url, request(pixels, binary), model_name=MODEL)
    (output,) = [one for one in answer.outputs if one.name == "probabilities"]
    return list(output.as_numpy()[0].astype(float))


async def refused(client: InferenceRESTClient, url: str, pixels: np.ndarray) -> list[str]:
    """Status and sentence for a model that is not there."""
    try:
        await client.infer(url, request(pixels, binary=False), model_name="nope")
    except httpx.HTTPStatusError as error:
        return [str(error.response.status_code), str(error)]
    return []


asyncio.run(main())
