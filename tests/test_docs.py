"""What the documentation says is what the code does."""

import json
import re
from pathlib import Path

import pytest
from werkzeug.test import Client

from deploy import wheels
from service import manifest as contract
from service import settings
from tests.conftest import REPOSITORY, SHIPPED, golden, shipped
from training.cli import main

README = (REPOSITORY / "README.md").read_text()
DEPLOY = (REPOSITORY / "docs" / "deploy.md").read_text()
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")])


def test_the_answer_in_the_readme_is_the_real_one(client: Client) -> None:
    (shown,) = re.findall(r"```json\n(.*?)\n```", README, re.DOTALL)
    answer = client.post("/models/mnist/predict", data=golden()).get_json()
    expected = json.loads(shown)
    for side in (expected, answer):
        prediction = side["predictions"][0]
        prediction["probabilities"] = {label: round(p, 3) for label, p in prediction["probabilities"].items()}
        prediction["probability"] = round(prediction["probability"], 3)
    assert answer == expected


@pytest.mark.parametrize("name", SHIPPED)
def test_the_accuracy_table_is_the_manifests(name: str) -> None:
    engines = contract.read(shipped(name)).engines
    (row,) = re.findall(rf"^\| `{name}` \|.*$", README, re.MULTILINE)
    figures = [f"{engines[engine].accuracy:.2%}".replace("%", " %") for engine in ("litert", "tensorflow")]
    assert f"| {' | '.join(figures)} | {engines['litert'].weights}," in row


def test_the_table_of_settings_is_what_the_command_prints() -> None:
    assert (REPOSITORY / "docs" / "settings.md").read_text().endswith("\n\n" + settings.as_markdown())


def test_every_setting_says_what_it_is_for() -> None:
    for one in settings.documented():
        assert one.meaning.endswith(".") and one.default and one.allowed, one.variable


@pytest.mark.parametrize("command", [name for name, found in main.commands.items() if not found.hidden])
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"`{command}\b", README)


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        assert set(re.findall(r"(?:^ {4}|`)make ([a-z0-9]+)", document.read_text(), re.MULTILINE)) <= targets, document


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_hold(document: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_index_names_every_page() -> None:
    index = (REPOSITORY / "docs" / "README.md").read_text()
    pages = {path.name for path in REPOSITORY.glob("docs/*.md")} - {"README.md"}
    assert set(re.findall(r"\]\((\w[\w-]*\.md)\)", index)) == pages


def test_the_commands_for_tensorflow_serving_name_every_shipped_model() -> None:
    configured = re.findall(r'name: "(\w+)" base_path: "/models/(\w+)"', DEPLOY)
    assert sorted(configured) == [(name, name) for name in SHIPPED]


def test_the_number_of_packages_with_wheels_for_arm_is_that_of_the_locks() -> None:
    locks = [(REPOSITORY / "requirements" / f"{name}.txt").read_text() for name in ("service", "tensorflow")]
    pins = {locked.pin for lock in locks for locked in wheels.read(lock)}
    assert f"all {len(pins)} packages of the two locks" in DEPLOY


def test_every_file_that_the_page_on_deployment_names_exists() -> None:
    named = re.findall(r"\b(?:deploy|tests|requirements)/[\w/.-]+\w", DEPLOY)
    assert len(named) > 8 and [name for name in named if not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_of_a_shipped_model_tells_the_figures_of_its_report(name: str) -> None:
    report = json.loads((shipped(name) / "report.json").read_text())
    card = (shipped(name) / "README.md").read_text()
    assert f"{report['cost']['microseconds']:.0f} µs" in card and f"{report['accuracy']:.2%}" in card
