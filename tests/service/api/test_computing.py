"""What may end a request between two of its images."""

import base64
import json
import time
from collections.abc import Callable

import pytest

from service.api import computing, telemetry
from service.images.decode import Limits, Picture, decode
from tests.app import App, run
from tests.conftest import golden
from tests.exchange import Exchange

LONG_S = 60


def five_images() -> Exchange:
    body = json.dumps({"images": [base64.b64encode(golden()).decode()] * 5}).encode()
    return Exchange("POST", "/models/mnist/predict", body, headers={"Content-Type": "application/json"})


def decode_and_then(monkeypatch: pytest.MonkeyPatch, at_second: Callable[[], None]) -> list[bytes]:
    """Calls a function at the second image; gives the images that were decoded."""
    images: list[bytes] = []

    def observed(data: bytes, limits: Limits) -> Picture:
        images.append(data)
        if len(images) == 2:
            at_second()
        return decode(data, limits)

    monkeypatch.setattr(computing, "decode", observed)
    return images


def test_a_deadline_is_seen_between_the_images_of_a_request(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = decode_and_then(monkeypatch, lambda: telemetry.current().limit_time(-LONG_S))
    answer = run(five_images().run(app.application))
    assert (answer.status, json.loads(answer.body)["code"]) == (504, "deadline_passed")
    assert len(decoded) == 2


def test_a_client_that_left_is_noticed_between_the_images_of_a_request(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = five_images()

    def leave() -> None:
        exchange.leave()
        latest = time.monotonic() + LONG_S
        while not telemetry.current().client_gone and time.monotonic() < latest:
            time.sleep(0.001)

    decoded = decode_and_then(monkeypatch, leave)
    answer = run(exchange.run(app.application))
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "abandoned")
    assert len(decoded) == 2
