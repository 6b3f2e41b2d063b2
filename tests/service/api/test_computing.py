"""What may end a request between two of its images."""

import time
from io import BytesIO

import pytest
from werkzeug.test import Client

from service.api import client as client_of
from service.api import computing
from service.images.decode import Limits, Picture, decode
from tests.conftest import golden

PREDICT = "/models/mnist/predict"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The images that were decoded so far; the second one takes longer than a second."""
    images: list[bytes] = []

    def slow(data: bytes, limits: Limits) -> Picture:
        images.append(data)
        if len(images) == 2:
            time.sleep(1.1)
        return decode(data, limits)

    monkeypatch.setattr(computing, "decode", slow)
    return images


def form() -> dict[str, object]:
    return {"image": [(BytesIO(golden()), f"{number}.png") for number in range(5)]}


def test_a_deadline_is_seen_between_the_images_of_a_request(client: Client, decoded: list[bytes]) -> None:
    answer = client.post(PREDICT, data=form(), headers={"X-Request-Timeout": "1"})
    assert (answer.status_code, answer.get_json()["code"]) == (504, "deadline_passed")
    assert len(decoded) == 2


def test_a_client_that_hung_up_is_noticed_between_the_images_of_a_request(
    client: Client, decoded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_of, "is_there", lambda: len(decoded) < 2)
    answer = client.post(PREDICT, data=form())
    assert (answer.status_code, answer.get_json()["code"]) == (400, "abandoned")
    assert len(decoded) == 2
