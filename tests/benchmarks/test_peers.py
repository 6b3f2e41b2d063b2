"""Peers answer what they are asked; those that need no other packages than ours are asked here."""

import pytest

from benchmarks.contenders import CONTENDERS
from benchmarks.peers import mnist
from benchmarks.peers.flask_litert import create_app
from benchmarks.workloads import Form, body, large, small


@pytest.mark.parametrize("form", ["raw", "multipart", "json"])
def test_the_bare_app_says_seven_in_every_form(form: Form) -> None:
    sent = body(form, [small()])
    answer = create_app().test_client().post("/predict", data=sent.data, content_type=sent.content_type).get_json()
    (prediction,) = answer["predictions"]
    assert prediction["label"] == "7" and prediction["probabilities"]["7"] > 0.99


def test_a_peer_prepares_a_photo_as_the_service_does() -> None:
    (prediction,) = mnist.Classifier(mnist.litert()).predict([large()])
    assert prediction["label"] == "7"


def test_plain_preparation_is_asked_for_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*next(iter(CONTENDERS["flask_plain"].environment.items())))
    (prediction,) = mnist.Classifier(mnist.litert()).predict([small()])
    assert prediction["label"] == "7"
