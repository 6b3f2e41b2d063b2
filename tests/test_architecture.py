"""ARCHITECTURE.md and the tree in README.md name modules, paths and settings that exist, and all of them."""

import fnmatch
import re
from pathlib import Path

import pytest

from service.app import MODELS_AT_START
from service.asgi import PROBES
from service.settings import Settings
from tests.app import App
from tests.conftest import REPOSITORY

ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text()
README = (REPOSITORY / "README.md").read_text()
SOURCES = sorted(path for package in ("service", "training") for path in (REPOSITORY / package).rglob("*.py"))
# The changelog also names removed settings.
DOCUMENTS = sorted({*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")} - {REPOSITORY / "CHANGELOG.md"})
# Of the tests, of gunicorn's parent and of clients, not of the service.
NO_SETTINGS = {"SQUINT_DATA_DIR", "SQUINT_CONTAINER", "SQUINT_RELIABILITY", MODELS_AT_START, "SQUINT_API_KEY"}


def endpoints() -> dict[str, str]:
    """Pattern of paths → module, from the table."""
    section = ARCHITECTURE.split("\n## Who answers what\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\|(.*`/.*?)\| `(.*?)` \|", section, re.MULTILINE)
    return {pattern: module for patterns, module in rows for pattern in re.findall(r"`(.*?)`", patterns)}


def pattern_of(path: str, patterns: dict[str, str]) -> str | None:
    """The longest pattern that a path fits; `…` stands for anything."""
    fitting = [one for one in patterns if fnmatch.fnmatchcase(path, one.replace("…", "*"))]
    return max(fitting, key=len, default=None)


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_.]+\.py)`", ARCHITECTURE)
    assert len(named) > 10
    for name in named:
        assert any(str(path).endswith(f"/{name}") for path in SOURCES), name


def test_every_box_of_the_diagram_is_a_module() -> None:
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", ARCHITECTURE, re.DOTALL)
    boxes = re.findall(r"\[((?:service|training)[\w.]*)\]", diagram)
    assert len(boxes) > 5
    for box in boxes:
        path = REPOSITORY / box.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), box


def test_every_path_is_answered_by_the_module_in_the_table(app: App) -> None:
    table = endpoints()
    answering = {
        str(rule): app.flask.view_functions[rule.endpoint].__module__ for rule in app.flask.url_map.iter_rules()
    }
    answering |= dict.fromkeys(PROBES, "service.asgi")
    named = {path: pattern_of(path, table) for path in answering}
    modules = {path: f"service.{module.removesuffix('.py').replace('/', '.')}" for path, module in table.items()}
    assert {path: modules.get(pattern or "") for path, pattern in named.items()} == answering
    assert set(named.values()) == set(table), "a row without a path"


def test_every_address_in_the_readme_is_answered(app: App) -> None:
    (table,) = re.findall(r"^\| address \| what it does \|\n(.*?)\n\n", README, re.MULTILINE | re.DOTALL)
    listed = re.findall(r"`(?:GET|POST) (/[^`]*)`", table)
    known = {re.sub(r"<[^>]*>", "*", str(rule)) for rule in app.flask.url_map.iter_rules()} | set(PROBES)
    assert len(listed) > 8
    assert [path for path in listed if re.sub(r"\{[^}]*\}", "*", path) not in known] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_variable_in_the_documents_is_a_setting(document: Path) -> None:
    known = {f"SQUINT_{name.upper()}" for name in Settings.model_fields} | NO_SETTINGS
    assert set(re.findall(r"\bSQUINT_[A-Z_]+\b", document.read_text())) <= known
