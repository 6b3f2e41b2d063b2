"""The servers that are compared can be started, and those of our own packages answer."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from benchmarks import alone
from benchmarks.contenders import PEERS, SQUINT, Contender, earlier_squint
from benchmarks.processes import ServerError, running
from benchmarks.workloads import BATCH_SIZE, base64_json, golden_png, multipart, page_jpeg, photo_jpeg, raw
from tests.app import app_over
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("contender", [SQUINT, *PEERS], ids=lambda contender: contender.title)
def test_every_contender_listens_on_the_given_port_and_has_its_module(contender: Contender) -> None:
    told = [*contender.command_line(8123), *contender.variables(8123).values()]
    assert any("8123" in word for word in told) and not any("{" in word for word in told)
    for word in told:
        module = word.partition(":")[0]
        assert (
            not module.startswith("benchmarks.") or (REPOSITORY / module.replace(".", "/")).with_suffix(".py").exists()
        )


def test_another_checkout_runs_where_it_lies_with_its_own_interpreter(tmp_path: Path) -> None:
    assert earlier_squint(tmp_path).python == SQUINT.python
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    found = earlier_squint(tmp_path)
    assert found.python == own and found.directory == tmp_path


def test_bare_app_recognises_the_seven() -> None:
    from benchmarks.peers.flask_litert import app

    answer = app.test_client().post("/predict", data=raw(golden_png()).data).get_json()
    assert answer["label"] == "7" and len(answer["probabilities"]) == 10


def test_the_service_names_the_photographed_digit() -> None:
    client = app_over(REPOSITORY / "models").test_client()
    answer = client.post("/models/mnist/predict", data=page_jpeg(), content_type="image/jpeg").get_json()
    assert answer["predictions"][0]["label"] == "7"


def test_the_service_takes_the_batch_and_the_photo(client: FlaskClient) -> None:
    batch = multipart([golden_png()] * 3)
    answer = client.post("/models/mnist/predict", data=batch.data, content_type=batch.content_type).get_json()
    assert [one["label"] for one in answer["predictions"]] == ["7"] * 3
    photo = raw(photo_jpeg(320, 240))
    assert photo.content_type == "image/jpeg"
    assert client.post("/models/mnist/predict", data=photo.data, content_type=photo.content_type).status_code == 200


def test_json_holds_the_file_as_base64() -> None:
    payload = base64_json(b"\x00\xff")
    assert payload.content_type == "application/json" and payload.data == b'{"image": "AP8="}'


def test_decoding_and_inference_alone_run_without_http() -> None:
    assert alone.batches_per_s(seconds=0.01, processes=1) > 0 and BATCH_SIZE == 100


def test_server_that_is_not_installed_is_named() -> None:
    with (
        pytest.raises(ServerError, match=r"Absent is not installed: .*nowhere"),
        running(Contender("Absent", (), python=Path("nowhere/python"))),
    ):
        pass


def test_server_that_ends_tells_its_last_lines() -> None:
    ends = Contender("Ends", ("-c", "raise SystemExit('no such model')"))
    with pytest.raises(ServerError, match=r"(?s)Ends: no answer.*no such model"), running(ends):
        pass
