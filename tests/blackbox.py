"""`python -m tests.blackbox URL`: whether a service, wherever it runs, does what it promises, seen from outside alone.

Needs nothing but Python: it takes the models, and pictures of them, from the service itself. One that asks for keys
lets nobody try it.
"""

import base64
import json
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

_TOLERANCE = 1e-6
_CALLERS, _CALLS = 8, 64


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Service:
    """A service at an address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def ask(self, path: str, body: bytes | None = None, content_type: str = "", accept: str = "*/*") -> Answer:
        """GET, or POST with a body."""
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        request = urllib.request.Request(self._url + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return Answer(response.status, _lower(response.headers), response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, _lower(error.headers), error.read())

    def post(self, path: str, document: object) -> Answer:
        """POST of JSON."""
        return self.ask(path, json.dumps(document).encode(), "application/json")

    def models(self) -> list[str]:
        """The names of the models."""
        return [model["name"] for model in self.ask("/models").json["models"]]

    def examples(self, model: str) -> Iterator[tuple[str, bytes]]:
        """The model's own example pictures, each with its label."""
        for one in self.ask(f"/models/{model}/examples").json["examples"]:
            yield one["label"], self.ask(f"/models/{model}/examples/{one['index']}.png").body


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _form(picture: bytes) -> tuple[bytes, str]:
    """A multipart form with one file, and its content type."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="x.png"\r\n\r\n'.encode()
    return head + picture + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _probabilities(service: Service, model: str, picture: bytes) -> dict[str, list[float]]:
    """What each way of asking answers for one picture."""
    text = base64.b64encode(picture).decode()
    path = f"/models/{model}/predict"
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [text]}
    native = {
        "raw": service.ask(path, picture, "application/octet-stream"),
        "form": service.ask(path, *_form(picture)),
        "json": service.post(path, {"images": [text]}),
    }
    v1 = service.post(f"/v1/models/{model}:predict", {"instances": [{"b64": text}]})
    v2 = service.post(f"/v2/models/{model}/infer", {"inputs": [tensor], "outputs": [{"name": "probabilities"}]})
    got = {how: list(answer.json["predictions"][0]["probabilities"].values()) for how, answer in native.items()}
    return got | {"v1": v1.json["predictions"][0]["probabilities"], "v2": v2.json["outputs"][0]["data"]}


def it_lives_and_is_ready(service: Service) -> None:
    for path in ("/livez", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert service.ask(path).status == 200, path


def it_has_models_and_describes_them_in_every_protocol(service: Service) -> None:
    assert service.models()
    for name in service.models():
        model = service.ask(f"/models/{name}").json
        assert len(model["labels"]) > 1 and model["version"] in model["versions"], name
        assert service.ask(f"/v1/models/{name}").json["ready"] is True, name
        assert service.ask(f"/v2/models/{name}").json["name"] == name


def every_example_gets_its_label_and_the_same_probabilities_however_it_is_sent(service: Service) -> None:
    pictures = [(model, *example) for model in service.models() for example in service.examples(model)]
    assert pictures
    for model, label, picture in pictures:
        got = _probabilities(service, model, picture)
        for how, probabilities in got.items():
            assert max(abs(a - b) for a, b in zip(probabilities, got["raw"], strict=True)) < _TOLERANCE, (model, how)
        labels = service.ask(f"/models/{model}").json["labels"]
        assert labels[got["raw"].index(max(got["raw"]))] == label, (model, label)


def what_is_no_picture_is_refused_with_a_problem_that_can_be_found_again(service: Service) -> None:
    path = f"/models/{service.models()[0]}/predict"
    faults = {
        415: service.ask(path, b"this is no picture"),
        422: service.ask(path, b"\x89PNG\r\n\x1a\nand no more"),
        400: service.ask(path, b"{", "application/json"),
        404: service.ask("/models/no-such-model/predict", b"x"),
        405: service.ask(path),
    }
    for status, answer in faults.items():
        assert answer.status == answer.json["status"] == status, (status, answer)
        assert answer.headers["content-type"] == "application/problem+json" and answer.json["detail"]
        assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert faults[405].headers["allow"]


def many_at_once_are_answered_or_told_to_come_back(service: Service) -> None:
    model = service.models()[0]
    _, picture = next(service.examples(model))
    with ThreadPoolExecutor(_CALLERS) as pool:
        answers = list(pool.map(lambda _: service.ask(f"/models/{model}/predict", picture), range(_CALLS)))
    assert {answer.status for answer in answers} <= {200, 429}
    assert all("retry-after" in answer.headers for answer in answers if answer.status == 429)
    assert any(answer.status == 200 for answer in answers)


def predictions_are_counted(service: Service) -> None:
    model = service.models()[0]
    _, picture = next(service.examples(model))
    before = _counted(service, model)
    assert service.ask(f"/models/{model}/predict", picture).status == 200
    assert _counted(service, model) > before


def _counted(service: Service, model: str) -> float:
    lines = service.ask("/metrics").body.decode().splitlines()
    wanted = (line for line in lines if line.startswith("squint_predictions_total{") and f'model="{model}"' in line)
    return sum(float(line.rpartition(" ")[2]) for line in wanted)


def people_find_a_page_and_a_document_of_what_can_be_asked(service: Service) -> None:
    for path in ("/", "/docs"):
        page = service.ask(path, accept="text/html")
        assert page.status == 200 and page.headers["content-type"].startswith("text/html"), path
    assert "/models/{name}/predict" in service.ask("/openapi.json").json["paths"]


CHECKS: tuple[Callable[[Service], None], ...] = (
    it_lives_and_is_ready,
    it_has_models_and_describes_them_in_every_protocol,
    every_example_gets_its_label_and_the_same_probabilities_however_it_is_sent,
    what_is_no_picture_is_refused_with_a_problem_that_can_be_found_again,
    many_at_once_are_answered_or_told_to_come_back,
    predictions_are_counted,
    people_find_a_page_and_a_document_of_what_can_be_asked,
)


def failures(url: str) -> dict[str, str]:
    """The checks that do not hold, in words, and why not; prints each as it is made."""
    failed = {}
    for check in CHECKS:
        told = check.__name__.replace("_", " ")
        try:
            check(Service(url))
        except Exception as error:  # whatever comes of a service that is broken, the next check is made
            failed[told] = f"{type(error).__name__}: {error}"
        print(f"FAILED  {told}: {failed[told]}" if told in failed else f"ok      {told}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if failures(sys.argv[1]) else 0)
