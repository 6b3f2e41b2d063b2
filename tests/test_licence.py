"""The licence is the same wherever it is stated, and goes along with the image."""

import hashlib
import re
import tomllib

import pytest

from tests.conftest import REPOSITORY
from training import dataset

LICENCE = "Apache-2.0"
# Of the text that the Apache Software Foundation publishes.
TEXT_SHA256 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
FILES = ["LICENSE", "NOTICE"]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
NOTICE = (REPOSITORY / "NOTICE").read_text()


def stage(name: str) -> str:
    """The lines of a stage and of the stages it is built from."""
    found = re.search(rf"^FROM (\S+) AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    return stage(found[1]) + found[2] if found else ""


def test_the_licence_is_the_standard_text() -> None:
    assert hashlib.sha256((REPOSITORY / "LICENSE").read_bytes()).hexdigest() == TEXT_SHA256


def test_the_package_states_the_licence() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["license"] == LICENCE and project["license-files"] == FILES


@pytest.mark.parametrize("target", ["litert", "tensorflow"])
def test_every_target_of_the_image_states_the_licence_and_holds_its_text(target: str) -> None:
    assert f'org.opencontainers.image.licenses="{LICENCE}"' in stage(target)
    assert f"COPY {' '.join(FILES)} ./" in stage(target)
    assert {f"!{name}" for name in FILES} < set((REPOSITORY / ".dockerignore").read_text().splitlines())


@pytest.mark.parametrize("data_set", dataset.all_data_sets().values(), ids=lambda data_set: data_set.name)
def test_the_notice_has_the_terms_of_every_data_set(data_set: dataset.DataSet) -> None:
    paragraph = NOTICE.split(f"(models/{data_set.name}/)")[1].split("\n\n")[0]
    assert f"Terms: {data_set.licence}" in paragraph
