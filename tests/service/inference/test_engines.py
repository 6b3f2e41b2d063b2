"""Two engines, one answer."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service import manifest as contract
from service.inference import engines
from service.inference.engines import Output
from service.manifest import EngineName
from tests.conftest import SHIPPED, shipped


def shifted_golden(folder: Path) -> np.ndarray:
    """The golden pictures, each at nine places: uint8 `[90, H, W, C]`."""
    pictures = [np.asarray(Image.open(path)) for path in sorted((folder / "golden").iterdir())]
    images = np.stack([image if image.ndim == 3 else image[:, :, None] for image in pictures])
    return np.concatenate([np.roll(images, (down, right), (1, 2)) for down in (-1, 0, 1) for right in (-1, 0, 1)])


@pytest.fixture(scope="module", params=SHIPPED)
def answers(request: pytest.FixtureRequest) -> tuple[float, Output, Output]:
    folder = shipped(request.param)
    images = shifted_golden(folder)
    litert, truth = (engines.load(name, folder, 1)(images) for name in ("litert", "tensorflow"))
    return contract.read(folder).engines["litert"].tolerance, litert, truth


def test_both_engines_agree_within_the_stated_tolerance(answers: tuple[float, Output, Output]) -> None:
    tolerance, litert, truth = answers
    assert np.abs(litert.probabilities - truth.probabilities).max() <= tolerance


def test_probabilities_are_the_softmax_of_the_logits(answers: tuple[float, Output, Output]) -> None:
    for output in answers[1:]:
        exponentials = np.exp(output.logits - output.logits.max(axis=1, keepdims=True))
        softmax = exponentials / exponentials.sum(axis=1, keepdims=True)
        assert np.abs(output.probabilities - softmax).max() < 1e-5
        assert np.abs(output.probabilities.sum(axis=1) - 1).max() < 1e-5


@pytest.mark.parametrize("engine", ["litert", "tensorflow"])
def test_an_answer_does_not_depend_on_its_neighbours(engine: EngineName) -> None:
    folder = shipped("mnist")
    images = shifted_golden(folder)
    infer = engines.load(engine, folder, 1)
    alone = np.concatenate([infer(images[n : n + 1]).probabilities for n in range(12)])
    assert np.abs(infer(images).probabilities[:12] - alone).max() < 1e-5


def test_threads_share_an_engine() -> None:
    from concurrent.futures import ThreadPoolExecutor

    folder = shipped("mnist")
    images = shifted_golden(folder)
    infer = engines.load("litert", folder, 2)
    expected = infer(images).probabilities
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: infer(images).probabilities, range(32)):
            assert np.array_equal(result, expected)
