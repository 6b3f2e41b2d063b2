"""Pictures in, labels and probabilities out, in every body form."""

import base64
import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from werkzeug.test import Client

from tests.conftest import SHIPPED, encoded, golden, png, shipped

PREDICT = "/models/mnist/predict"


def upload(*files: bytes) -> dict[str, list[tuple[BytesIO, str]]]:
    return {"image": [(BytesIO(data), f"{n}.png") for n, data in enumerate(files)]}


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def number(model: str) -> int:
    """The shipped version."""
    return int(shipped(model).name)


def test_a_multipart_upload_is_answered_as_documented(client: Client) -> None:
    answer = client.post(PREDICT, data=upload(golden())).get_json()
    (prediction,) = answer["predictions"]
    assert (answer["model"], answer["version"]) == ("mnist", number("mnist"))
    assert (prediction["label"], prediction["index"]) == ("7", 7)
    assert list(prediction) == ["label", "index", "probability", "probabilities", "in_distribution", "warnings"]
    assert list(prediction["probabilities"]) == [str(n) for n in range(10)]
    assert prediction["probability"] == max(prediction["probabilities"].values()) > 0.9
    assert abs(sum(prediction["probabilities"].values()) - 1) < 1e-5
    assert prediction["in_distribution"] is True and prediction["warnings"] == []


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "image/gif", "text/plain", None,
                                          "application/x-www-form-urlencoded"])  # fmt: skip
def test_a_raw_body_is_a_picture_whatever_its_declared_type(client: Client, content_type: str | None) -> None:
    response = client.post(PREDICT, data=golden(), content_type=content_type)
    assert response.get_json()["predictions"][0]["label"] == "7"


def test_json_may_begin_with_a_byte_order_mark_and_have_a_type_of_its_own(client: Client) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"images": [base64_text(golden())]}).encode()
    for content_type in ("application/json", "application/vnd.example+json"):
        assert client.post(PREDICT, data=body, content_type=content_type).status_code == 200


@pytest.mark.parametrize("head", ["", "data:image/png;base64,", "DATA:image/png;BASE64,"])
def test_json_holds_base64_with_or_without_a_data_url(client: Client, head: str) -> None:
    wrapped = "\n".join(base64_text(golden())[n : n + 76] for n in range(0, 2000, 76))
    response = client.post(PREDICT, json={"images": [head + wrapped]})
    assert response.get_json()["predictions"][0]["label"] == "7"


def test_several_images_are_answered_in_their_order(client: Client) -> None:
    files = [golden(label=label) for label in (3, 1, 4, 1, 5)]
    for answer in (
        client.post(PREDICT, data=upload(*files)).get_json(),
        client.post(PREDICT, json={"images": [base64_text(file) for file in files]}).get_json(),
    ):
        assert [prediction["label"] for prediction in answer["predictions"]] == ["3", "1", "4", "1", "5"]


def test_top_k_lists_the_likeliest_first(client: Client) -> None:
    prediction = client.post(f"{PREDICT}?top_k=3", data=golden()).get_json()["predictions"][0]
    likeliest = sorted(prediction["probabilities"].items(), key=lambda item: -item[1])[:3]
    assert [(one["label"], one["probability"]) for one in prediction["top"]] == likeliest


def test_seen_returns_the_array_and_the_decisions_in_order(client: Client) -> None:
    photo = Image.new("RGB", (100, 100), "white")
    photo.paste("black", (45, 20, 55, 80))
    seen = client.post(f"{PREDICT}?seen=1", data=png(photo)).get_json()["predictions"][0]["seen"]
    image = Image.open(BytesIO(base64.b64decode(seen["png"])))
    assert (image.size, image.mode) == ((28, 28), "L") and np.asarray(image)[14, 14] > 200
    assert [step["code"] for step in seen["steps"]] == ["grey", "inverted", "boxed"]
    assert all(step["text"] for step in seen["steps"])


def test_a_picture_unlike_the_data_set_is_flagged(client: Client) -> None:
    noise = Image.effect_noise((28, 28), 200)
    noise.paste(0, (0, 0, 28, 1))
    prediction = client.post(PREDICT, data=png(noise)).get_json()["predictions"][0]
    assert prediction["in_distribution"] is False
    assert prediction["warnings"][-1]["code"] == "not_in_distribution"


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF"])
def test_a_digit_is_recognised_in_every_format(client: Client, name: str) -> None:
    big = Image.open(BytesIO(golden())).resize((140, 140), Image.Resampling.BICUBIC)
    answer = client.post(PREDICT, data=encoded(big, name)).get_json()
    assert answer["predictions"][0]["label"] == "7"


def test_models_are_listed_and_described(client: Client) -> None:
    listed = client.get("/models").get_json()["models"]
    assert listed == [
        {"name": name, "version": number(name), "versions": [number(name)], "version_labels": {}} for name in SHIPPED
    ]
    described = client.get("/models/mnist").get_json()
    assert described == client.get(f"/models/mnist/versions/{number('mnist')}").get_json()
    assert described["labels"] == [str(n) for n in range(10)]
    assert described["input"] == {"kind": "digit", "height": 28, "width": 28, "channels": 1}
    assert (described["name"], described["version"]) == ("mnist", number("mnist"))
    assert described["metrics"]["litert"]["accuracy"] > 0.99 and described["engine"] == "litert"


def test_an_answer_carries_the_callers_request_id_if_it_is_sane(client: Client) -> None:
    assert client.get("/livez", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = client.get("/livez", headers={"X-Request-ID": "a b\t" + "c" * 200}).headers["X-Request-ID"]
    assert len(made) == 32


@pytest.mark.parametrize("value", ["[]", "{}", '""', "0", '{"a":0}'])
def test_json_of_very_many_values_is_refused_before_it_is_parsed(client: Client, value: str) -> None:
    body = f'{{"images": ["", {", ".join([value] * 2000)}]'  # without an end: parsed it would be a 400
    answer = client.post("/models/mnist/predict", data=body, content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_many_images")


@pytest.mark.parametrize("body", ['{"images": ["AAAA"]}', '\n ["AAAA"]'])
def test_json_that_is_declared_as_something_else_is_told_how_to_send_it(client: Client, body: str) -> None:
    answer = client.post("/models/mnist/predict", data=body, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "wrong_type")
    assert "Content-Type: application/json" in answer.get_json()["detail"]


@pytest.mark.parametrize("body", [b"{\xdd!w\xfd\xa2\x08-", b"[IF87a<\x80<\x00\x81", b"[\x00"])
def test_a_broken_picture_that_begins_with_a_bracket_is_not_taken_for_json(client: Client, body: bytes) -> None:
    answer = client.post("/models/mnist/predict", data=body)
    assert answer.status_code == 415 and "JSON" not in answer.get_json()["detail"]


@pytest.mark.parametrize("text", ["٢", "+2", "%202", "2_0", "0x2", "2.0", "-2", "9" * 5000])
def test_a_number_in_a_path_is_written_in_plain_digits(client: Client, text: str) -> None:
    for path in (f"/models/mnist/versions/{text}", f"/models/mnist/examples/{text}.png"):
        assert client.get(path).status_code == 404
    assert client.get(f"/v2/models/mnist/versions/{text}").status_code == 404
    assert client.get(f"/v1/models/mnist/versions/{text}").status_code == 400
