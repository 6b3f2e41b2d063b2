"""What ARCHITECTURE.md and README.md say of the code is so."""

import ast
import fnmatch
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import MODELS_AT_START
from service.asgi import PROBES
from service.settings import Settings
from tests.app import App
from tests.conftest import REPOSITORY

ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text()
README = (REPOSITORY / "README.md").read_text()
CONTRACTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LAYERS = "The service's layers point one way"
SOURCES = sorted(path for package in ("service", "training") for path in (REPOSITORY / package).rglob("*.py"))
# The changelog also names what was.
DOCUMENTS = sorted({*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")} - {REPOSITORY / "CHANGELOG.md"})
# Of the tests, of gunicorn's parent and of clients, not of the service.
NO_SETTINGS = {"SQUINT_DATA_DIR", "SQUINT_CONTAINER", "SQUINT_RELIABILITY", MODELS_AT_START, "SQUINT_API_KEY"}


def section(title: str) -> str:
    return ARCHITECTURE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rule(name: str) -> str:
    """What the section on imports says after `name:`, on one line."""
    (told,) = re.findall(rf"^    {name}: +(.*(?:\n     +.*)*)", section("Who may import whom"), re.MULTILINE)
    return " ".join(told.split())


def contract(name: str) -> dict[str, Any]:
    (found,) = (contract for contract in CONTRACTS if contract["name"] == name)
    return found  # type: ignore[no-any-return]


def importers(*packages: str) -> set[str]:
    """The files that import one of these packages, anywhere in them."""
    return {str(path.relative_to(REPOSITORY)) for path in SOURCES if set(packages) & set(imported(path))}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def endpoints() -> dict[str, str]:
    """Pattern of paths → module, from the table."""
    rows = re.findall(r"^\| (`/.*?) \| `(.*?)` \|", section("Who answers what"), re.MULTILINE)
    return {pattern: module for patterns, module in rows for pattern in re.findall(r"`(.*?)`", patterns)}


def pattern_of(path: str, patterns: dict[str, str]) -> str | None:
    """The longest pattern that a path fits; `…` stands for anything."""
    fitting = [one for one in patterns if fnmatch.fnmatchcase(path, one.replace("…", "*"))]
    return max(fitting, key=len, default=None)


def test_the_layers_of_the_service_are_those_that_are_checked() -> None:
    layers = contract(LAYERS)["layers"]
    drawn = [set(layer.strip().split(", ")) for layer in rule("service").split("→")]
    assert drawn == [set(layer.split(" | ")) for layer in layers] and len(drawn) > 5


def test_every_module_of_the_service_is_in_a_layer() -> None:
    layers = contract(LAYERS)
    known = {name for layer in layers["layers"] for name in layer.split(" | ")}
    assert layers["exhaustive"] is True and layers["exhaustive_ignores"] == ["__main__"]
    assert known <= {path.stem for path in (REPOSITORY / "service").iterdir()}


def test_what_training_may_import_is_what_is_not_forbidden() -> None:
    may, _, never = rule("training").partition("; never ")
    forbidden = contract("Training knows nothing of HTTP")["forbidden_modules"]
    assert set(re.split(r", | or ", never)) == {name.removeprefix("service.") for name in forbidden}
    allowed = set(may.removeprefix("may import service.").split(", "))
    found = {
        f"{node.module}.{node.names[0].name}".split(".")[1]
        for path in SOURCES
        if path.is_relative_to(REPOSITORY / "training")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "service"
    }
    assert found == allowed


@pytest.mark.parametrize("package", ["tensorflow", "ray"])
def test_a_heavy_package_is_imported_where_it_is_said_and_nowhere_else(package: str) -> None:
    assert importers(package) == set(rule(package).removeprefix("only ").split(", "))


def test_flask_is_imported_where_it_is_said_and_nowhere_else() -> None:
    places = re.split(", | and ", rule("flask, werkzeug").removeprefix("only "))
    found = importers("flask", "werkzeug")
    assert [place for place in places if not any(path.startswith(place) for path in found)] == []
    assert [path for path in found if not path.startswith(tuple(places))] == []


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", ARCHITECTURE)
    assert len(named) > 10
    for name in named:
        assert any(str(path).endswith(f"/{name}") for path in SOURCES), name


def test_every_box_of_the_picture_is_a_module() -> None:
    (picture,) = re.findall(r"```mermaid\n(.*?)```", ARCHITECTURE, re.DOTALL)
    boxes = re.findall(r"\[((?:service|training)[\w.]*)\]", picture)
    assert len(boxes) > 5
    for box in boxes:
        path = REPOSITORY / box.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), box


def test_every_path_is_answered_by_the_module_that_is_named(app: App) -> None:
    told = endpoints()
    answering = {
        str(rule): app.flask.view_functions[rule.endpoint].__module__ for rule in app.flask.url_map.iter_rules()
    }
    answering |= dict.fromkeys(PROBES, "service.asgi")
    named = {path: pattern_of(path, told) for path in answering}
    modules = {path: f"service.{module.removesuffix('.py').replace('/', '.')}" for path, module in told.items()}
    assert {path: modules.get(pattern or "") for path, pattern in named.items()} == answering
    assert set(named.values()) == set(told), "a row without a path"


def test_every_address_in_the_readme_is_one_of_the_service(app: App) -> None:
    (table,) = re.findall(r"^\| address \| what it does \|\n(.*?)\n\n", README, re.MULTILINE | re.DOTALL)
    told = re.findall(r"`(?:GET|POST) (/[^`]*)`", table)
    known = {re.sub(r"<[^>]*>", "*", str(rule)) for rule in app.flask.url_map.iter_rules()} | set(PROBES)
    assert len(told) > 8
    assert [path for path in told if re.sub(r"\{[^}]*\}", "*", path) not in known] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_variable_in_the_documents_is_a_setting(document: Path) -> None:
    known = {f"SQUINT_{name.upper()}" for name in Settings.model_fields} | NO_SETTINGS
    assert set(re.findall(r"\bSQUINT_[A-Z_]+\b", document.read_text())) <= known
