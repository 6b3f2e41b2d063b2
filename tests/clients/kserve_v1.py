"""`kserve_v1.py URL` with a task on standard input: what KServe's client gets over v1, as one JSON object."""

import asyncio
import json
import sys
from typing import Any

import httpx
from kserve import InferenceRESTClient, RESTConfig

MODEL = "mnist"


async def main() -> None:
    """Asks for everything once."""
    url, task = sys.argv[1], json.load(sys.stdin)
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    told = {"live": await client.is_server_live(url), "model ready": await client.is_model_ready(url, MODEL)}
    got = {
        "instances": await probabilities(client, url, task["pixels"]),
        "b64": await probabilities(client, url, [{"b64": task["file"]}]),
    }
    print(json.dumps({"told": told, "probabilities": got, "errors": {"model": await refused(client, url)}}))


async def probabilities(client: InferenceRESTClient, url: str, instances: list[Any]) -> list[float]:
    """Those of the first picture."""
    answer: Any = await client.infer(url, {"instances": instances}, model_name=MODEL)
    return list(answer["predictions"][0]["probabilities"])


async def refused(client: InferenceRESTClient, url: str) -> list[str]:
    """Status and sentence for a model that is not there."""
    try:
        await client.is_model_ready(url, "nope")
    except httpx.HTTPStatusError as error:
        return [str(error.response.status_code), str(error)]
    return []


asyncio.run(main())
