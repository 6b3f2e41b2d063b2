"""Every fault is a problem document of one shape, with a status that says whose fault it is."""

import base64
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import Client, TestResponse

from service.api import computing
from tests.app import App, app_over, loading_app
from tests.conftest import MODELS, golden, png

PREDICT = "/models/mnist/predict"
TEXT = b"this is no picture"
BROKEN = golden()[:60]
HALF_A_PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nhalf'
EMPTY_PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def check(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    body = response.get_json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert response.mimetype == "application/problem+json"
    assert list(body)[:6] == ["type", "title", "status", "code", "detail", "request_id"]
    assert body["status"] == status and body["detail"] and body["request_id"] == response.headers["X-Request-ID"]
    assert "Traceback" not in body["detail"]
    return dict(body)


def part(data: bytes, field: str = "image", name: str = "a.png") -> dict[str, tuple[BytesIO, str]]:
    return {field: (BytesIO(data), name)}


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (TEXT, 415, "unsupported_format"),
        (b"<svg/>", 415, "unsupported_format"),
        (b"%PDF-1.7\n", 415, "unsupported_format"),
        (BROKEN, 422, "broken_image"),
        (EMPTY_PNG_HEAD, 422, "broken_image"),
        (b"\xff\xd8\xff\xe0junk", 422, "broken_image"),
        (b"x" * 60_000, 413, "image_too_large"),
        (png(Image.new("L", (1100, 1000))), 413, "image_too_large"),
    ],
)
def test_a_bad_picture_is_the_same_problem_in_every_body_form(
    client: Client, data: bytes, status: int, code: str
) -> None:
    check(client.post(PREDICT, data=data), status, code)
    check(client.post(PREDICT, json={"images": [base64.b64encode(data).decode()]}), status, code)
    body = check(client.post(PREDICT, data=part(data, name="mine.png")), status, code)
    assert body["index"] == 0 and body["file"] == "mine.png" and "mine.png" in body["detail"]


def test_an_empty_file_is_422_and_an_empty_body_400(client: Client) -> None:
    check(client.post(PREDICT, data=part(b"")), 422, "empty_image")
    check(client.post(PREDICT, json={"images": [""]}), 422, "empty_image")
    check(client.post(PREDICT, data=b"", content_type="image/png"), 422, "empty_image")
    check(client.post(PREDICT, data=b""), 400, "no_image")


def test_a_file_that_curl_does_not_find_is_told_as_the_likely_cause(client: Client) -> None:
    sent_by_curl = client.post(PREDICT, data=b"", content_type="application/x-www-form-urlencoded")
    assert "the file after @ exists" in check(sent_by_curl, 400, "no_image")["detail"]


def test_one_bad_picture_of_several_is_named_and_none_is_answered(client: Client) -> None:
    files = [(BytesIO(golden()), "good.png"), (BytesIO(TEXT), "bad.png"), (BytesIO(golden()), "good2.png")]
    body = check(client.post(PREDICT, data={"image": files}), 415, "unsupported_format")
    assert body["index"] == 1 and body["file"] == "bad.png" and "predictions" not in body


def test_the_field_name_matters(client: Client) -> None:
    body = check(client.post(PREDICT, data=part(golden(), field="file")), 400, "wrong_field")
    assert "'image'" in body["detail"] and "'file'" in body["detail"]


def test_text_where_a_file_belongs_is_told_so(client: Client) -> None:
    check(client.post(PREDICT, data={"image": "seven.png"}, content_type="multipart/form-data"), 400, "no_file")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"garbage"),
        ("multipart/form-data; boundary=x", HALF_A_PART.replace(b"form-data", b"attachment") + b"\r\n--x--\r\n"),
        ("multipart/form-data; boundary=\xe4", b"--\xe4--"),
        ("multipart/form-data; boundary=x", HALF_A_PART),
        ("multipart/form-data; boundary=", b"--\r\n"),
    ],
)
def test_malformed_multipart_is_400(client: Client, content_type: str, body: bytes) -> None:
    assert "complete" in check(client.post(PREDICT, data=body, content_type=content_type), 400, "bad_form")["detail"]


def test_an_empty_form_is_400(client: Client) -> None:
    response = client.post(PREDICT, data=b"--x--\r\n", content_type="multipart/form-data; boundary=x")
    check(response, 400, "no_image")


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"x"', "{}", '{"images": []}', '{"images": "x"}', '{"images": [1]}', '{"images": [null]}',
     '{"image": ["eA=="]}', '{"images": ' + "[" * 100_000, "\x00"],
)  # fmt: skip
def test_malformed_json_is_400(client: Client, body: str) -> None:
    check(client.post(PREDICT, data=body, content_type="application/json"), 400, "bad_json")


@pytest.mark.parametrize("text", ["!!!", "äöü", "eA="])
def test_bad_base64_names_the_image(client: Client, text: str) -> None:
    body = check(client.post(PREDICT, json={"images": [base64.b64encode(golden()).decode(), text]}), 400, "bad_base64")
    assert "images.1" in body["detail"]


@pytest.mark.parametrize("value", ["0", "11", "1.5", "three", "", "+3", "1_0", "٣", "9" * 5000])
def test_a_bad_top_k_is_400_and_states_the_range(client: Client, value: str) -> None:
    response = client.post(PREDICT, data=golden(), query_string={"top_k": value})
    assert "from 1 to 10" in check(response, 400, "bad_top_k")["detail"]


def test_a_bad_seen_is_400(client: Client) -> None:
    check(client.post(f"{PREDICT}?seen=maybe", data=golden()), 400, "bad_seen")


def test_too_many_images_are_413(client: Client) -> None:
    images = [base64.b64encode(golden()).decode()] * 6
    check(client.post(PREDICT, json={"images": images}), 413, "too_many_images")
    check(client.post(PREDICT, data={"image": [(BytesIO(golden()), "a.png")] * 6}), 413, "too_many_images")


def test_too_many_pixels_in_a_request_are_413() -> None:
    client = app_over(MODELS, max_request_pixels=50_000).test_client()
    files = [(BytesIO(png(Image.new("L", (200, 100)))), f"{n}.png") for n in range(3)]
    assert client.post(PREDICT, data=png(Image.new("L", (200, 100)))).status_code == 200
    assert "50000 pixels" in check(client.post(PREDICT, data={"image": files}), 413, "too_many_pixels")["detail"]


def test_too_many_parts_are_413(client: Client) -> None:
    fields = {f"field{n}": "x" for n in range(50)}
    response = client.post(PREDICT, data={**fields, **part(golden())}, content_type="multipart/form-data")
    assert "more than 13 parts" in check(response, 413, "too_many_parts")["detail"]


def test_a_body_over_the_limit_is_413(client: Client) -> None:
    told = check(client.post(PREDICT, data=b"x" * 200_001), 413, "request_entity_too_large")["detail"]
    assert "at most 200000 bytes" in told
    check(client.post(PREDICT, data=part(b"x" * 200_001)), 413, "request_entity_too_large")


@pytest.mark.parametrize(
    "path", ["/models/nope", "/models/nope/predict", "/models/%00/predict", "/models/..%2f/predict"]
)
def test_an_unknown_model_is_404(client: Client, path: str) -> None:
    response = client.post(path, data=golden()) if path.endswith("predict") else client.get(path)
    assert response.status_code == 404 and response.mimetype == "application/problem+json"


def test_an_unknown_version_is_404(client: Client) -> None:
    check(client.get("/models/mnist/versions/9"), 404, "unknown_version")
    check(client.post("/models/mnist/versions/9/predict", data=golden()), 404, "unknown_version")


@pytest.mark.parametrize(
    "path", ["/nope", "/models/", "/models//mnist", "/models/mnist/versions/one", "/models/mnist/versions/-1"]
)
def test_an_unknown_route_is_404_and_never_html(client: Client, path: str) -> None:
    check(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PREDICT, "OPTIONS, POST"),
        ("DELETE", "/models/mnist", "GET, HEAD, OPTIONS"),
        ("POST", "/livez", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_allowed(client: Client, method: str, path: str, allowed: str) -> None:
    response = client.open(path, method=method)
    check(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == allowed


def test_before_the_models_are_loaded_everything_but_liveness_is_503() -> None:
    waiting = loading_app(MODELS).test_client()
    for response in (waiting.get("/readyz"), waiting.get("/models"), waiting.post(PREDICT, data=golden())):
        check(response, 503, "not_ready")
        assert response.headers["Retry-After"] == "1"
    assert waiting.get("/livez").status_code == 200


def test_an_unforeseen_error_is_a_problem_without_its_traceback(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(computing, "decode", explode)
    body = check(app.test_client().post(PREDICT, data=golden()), 500, "internal_error")
    assert "secret detail" not in str(body) and "secret detail" in caplog.text


def test_a_path_that_only_begins_like_a_protocols_gets_a_problem(client: Client) -> None:
    for path in ("/v22", "/V1/models"):
        assert client.get(path).mimetype == "application/problem+json"
