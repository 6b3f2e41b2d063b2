"""Where keys are asked for, every path but the open ones needs one of its role."""

import logging
from pathlib import Path

import pytest
from werkzeug.test import Client

from service import auth as keys
from service.auth import OPEN, role_of
from service.logs import JsonFormatter
from tests.app import App, app_over
from tests.conftest import MODELS, golden

PREDICT = "/models/mnist/predict"


class Keyed:
    """An app that asks for keys, and one key of each role."""

    def __init__(self, folder: Path, **settings: object) -> None:
        made = {role: keys.make(role, [role]) for role in keys.ROLES}
        self.file = folder / "keys"
        self.file.write_text("\n".join(line for _, line in made.values()))
        self.app: App = app_over(MODELS, api_keys_file=self.file, **settings)
        self.client: Client = self.app.test_client()
        self.keys = {role: key for role, (key, _) in made.items()}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Keyed:
    return Keyed(tmp_path_factory.mktemp("keyed"), cors_origins=("https://example.org",))


def test_no_route_of_the_app_is_left_to_admins(app: App) -> None:
    assert [rule.rule for rule in app.flask.url_map.iter_rules() if role_of(rule.rule) == "admin"] == []


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("/", OPEN), ("/livez", OPEN), ("/readyz", OPEN), ("/static/page.js", OPEN), ("/docs", OPEN),
        ("/openapi.json", OPEN), ("/metrics", "metrics"), ("/models", "predict"), ("/models/a/predict", "predict"),
        ("/v1/models/a:predict", "predict"), ("/v2", "predict"), ("/v2/health/ready", OPEN),
        ("/v2/models/a/infer", "predict"), ("/v2/repository/index", "predict"), ("", "admin"), ("//", "admin"),
        ("/modelsx", "admin"), ("/secret", "admin"), ("/livezz", "admin"), ("//models", "admin"),
        ("/metrics/", "metrics"), ("/static", OPEN), ("/Metrics", "admin"),
    ],
)  # fmt: skip
def test_a_path_needs_the_role_of_its_longest_listed_beginning_else_admin(path: str, role: str) -> None:
    assert role_of(path) == role


@pytest.mark.parametrize("role", keys.ROLES)
def test_a_key_opens_what_its_role_says(keyed: Keyed, role: keys.Role) -> None:
    headers = {"Authorization": f"Bearer {keyed.keys[role]}"}
    allowed = {
        "/models": keyed.client.get("/models", headers=headers).status_code,
        PREDICT: keyed.client.post(PREDICT, data=golden(), headers=headers).status_code,
        "/metrics": keyed.client.get("/metrics", headers=headers).status_code,
    }
    mine = {"predict": {"/models", PREDICT}, "metrics": {"/metrics"}, "admin": set(allowed)}[role]
    assert allowed == {path: 200 if path in mine else 403 for path in allowed}


@pytest.mark.parametrize("headers", [{"Authorization": "bearer {}"}, {"X-API-Key": "{}"},
                                     {"Authorization": "Basic eDp5", "X-API-Key": "{}"}])  # fmt: skip
def test_a_key_may_come_in_either_header(keyed: Keyed, headers: dict[str, str]) -> None:
    sent = {name: value.format(keyed.keys["predict"]) for name, value in headers.items()}
    assert keyed.client.get("/models", headers=sent).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer squint_wrong"}, {"Authorization": "Bearer"},
                                     {"X-API-Key": "wrong"}, {"Authorization": "Basic eDp5"}])  # fmt: skip
def test_no_key_or_a_wrong_one_is_401_and_says_how_to_send_one(keyed: Keyed, headers: dict[str, str]) -> None:
    answer = keyed.client.post(PREDICT, data=golden(), headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer") and "X-API-Key" in answer.get_json()["detail"]
    assert "squint_wrong" not in answer.get_data(as_text=True)


def test_a_key_without_the_role_is_403_and_named(keyed: Keyed) -> None:
    answer = keyed.client.get("/metrics", headers={"X-API-Key": keyed.keys["predict"]})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
    assert "metrics" in answer.get_json()["detail"] and keyed.keys["predict"] not in answer.get_data(as_text=True)


def test_a_route_that_nobody_listed_is_answered_to_admins_alone(tmp_path: Path) -> None:
    keyed = Keyed(tmp_path)
    keyed.app.flask.add_url_rule("/forgotten", view_func=lambda: "secret")
    sent: list[dict[str, str]] = [{}, *({"X-API-Key": keyed.keys[role]} for role in keys.ROLES)]
    assert [keyed.client.get("/forgotten", headers=one).status_code for one in sent] == [401, 403, 403, 200]


def test_a_picture_is_not_even_read_without_a_key(keyed: Keyed) -> None:
    assert keyed.client.post(PREDICT, data=b"x" * 40 * 2**20).status_code == 401


def test_without_a_key_nobody_learns_which_paths_there_are(keyed: Keyed) -> None:
    asked = [keyed.client.get(path) for path in ("/nope", PREDICT, "/models/mnist", "/models/none", "/models/%2e%2e/x")]
    assert {answer.status_code for answer in asked} == {401}


def test_a_preflight_needs_no_key_and_a_refusal_can_be_read_across_origins(keyed: Keyed) -> None:
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    assert keyed.client.options(PREDICT, headers=headers).status_code == 204
    refused = keyed.client.post(PREDICT, data=golden(), headers={"Origin": "https://example.org"})
    assert refused.status_code == 401 and refused.headers["Access-Control-Allow-Origin"] == "https://example.org"


def test_a_revoked_key_is_refused_at_the_next_request(tmp_path: Path) -> None:
    keyed = Keyed(tmp_path)
    headers = {"X-API-Key": keyed.keys["predict"]}
    assert keyed.client.get("/models", headers=headers).status_code == 200
    keyed.file.write_text(keys.make("other", ["admin"])[1])
    assert keyed.client.get("/models", headers=headers).status_code == 401


def test_the_log_names_the_key_and_never_holds_it(keyed: Keyed, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        keyed.client.get("/models", headers={"X-API-Key": keyed.keys["predict"]})
        keyed.client.get("/models", headers={"X-API-Key": "squint_wrong"})
    told = [JsonFormatter().format(record) for record in caplog.records]
    assert '"key": "predict"' in told[0]
    assert keyed.keys["predict"] not in "".join(told) and "squint_wrong" not in "".join(told)
