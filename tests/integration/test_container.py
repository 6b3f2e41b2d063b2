"""What the image promises and a chroot cannot show, read from its configuration."""

import re

import pytest

from tests.conftest import REPOSITORY
from tests.integration.container import DOCKERFILE, image_command

COMPOSE = (REPOSITORY / "compose.yaml").read_text()


def stage(name: str) -> str:
    """The Dockerfile's lines of one stage."""
    return re.split(r"^FROM ", DOCKERFILE.split(f" AS {name}\n")[1], flags=re.MULTILINE)[0]


def test_gunicorn_itself_is_the_first_process() -> None:
    assert image_command()[0] == "gunicorn" and "ENTRYPOINT" not in DOCKERFILE


def test_the_image_runs_as_nobody_in_particular_and_is_checked() -> None:
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", stage("runtime"), re.MULTILINE)
    assert 'CMD ["python", "-m", "service", "health"]' in DOCKERFILE and "HEALTHCHECK" in DOCKERFILE


def test_every_package_is_locked_by_hash() -> None:
    installs = re.findall(r"^RUN pip .*", DOCKERFILE, re.MULTILINE)
    assert len(installs) == 2 and all("--require-hashes" in line for line in installs)


def test_the_default_target_is_the_last_and_has_no_tensorflow() -> None:
    assert re.findall(r" AS (\S+)", DOCKERFILE)[-1] == "litert"
    assert "tensorflow" not in stage("litert") and "tensorflow" not in stage("packages")
    assert "SQUINT_ENGINE=tensorflow" in stage("tensorflow")


@pytest.mark.parametrize("line", ["read_only: true", "/tmp:size=", "cap_drop: [ALL]", "no-new-privileges:true"])  # noqa: S108
def test_compose_hardens_the_container(line: str) -> None:
    assert line in COMPOSE


@pytest.mark.parametrize("name", ["service", "tensorflow", "training", "dev", "opentelemetry", "clients"])
def test_locks_hold_hashes_and_no_index_address(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    packages = re.findall(r"^[a-z].*==", text, re.MULTILINE)
    assert len(packages) > 10 and text.count("--hash=sha256:") >= len(packages)
    assert not re.search(r"https?://|file:|--index|--extra-index|--find-links", text)


def test_the_service_installs_no_tensorflow() -> None:
    service = (REPOSITORY / "requirements" / "service.txt").read_text()
    assert "tensorflow" not in service and "keras" not in service
