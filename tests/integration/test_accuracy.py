"""Over HTTP the test split gives exactly the accuracy that the manifest states for the engine that answered."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client

from service import manifest as contract
from service.manifest import EngineName
from tests.app import app_over
from tests.conftest import MODELS, SHIPPED, png, shipped
from training import dataset
from training.dataset import Split

_BATCH = 100


def predicted(client: Client, name: str, split: Split) -> np.ndarray:
    """The class numbers that the service answers for a split, sent as PNG files."""
    found: list[int] = []
    for start in range(0, len(split.labels), _BATCH):
        files = [
            (BytesIO(png(Image.fromarray(image.squeeze()))), f"{n}.png")
            for n, image in enumerate(split.images[start : start + _BATCH])
        ]
        answer = client.post(f"/models/{name}/predict", data={"image": files}).get_json()
        found += [prediction["index"] for prediction in answer["predictions"]]
    return np.array(found)


@pytest.mark.parametrize("engine", ["litert", "tensorflow"])
@pytest.mark.parametrize("name", SHIPPED)
def test_the_test_split_gives_the_stated_accuracy(name: str, engine: EngineName, data_dir: Path) -> None:
    test = dataset.load(dataset.find(name), data_dir).test
    client = app_over(MODELS, engine=engine).test_client()
    stated = contract.read(shipped(name)).engines[engine].accuracy
    assert (predicted(client, name, test) == test.labels).mean() == stated


@pytest.mark.parametrize(("name", "least"), [("mnist", 0.997), ("fashion_mnist", 0.94), ("cifar10", 0.94)])
def test_shipped_models_are_as_good_as_promised(name: str, least: float) -> None:
    for facts in contract.read(shipped(name)).engines.values():
        assert facts.accuracy is not None and facts.accuracy >= least
