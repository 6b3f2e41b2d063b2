"""What the image promises and a chroot cannot show, read from its configuration: PID 1, a read-only root, no rights."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from service.__main__ import MALLOC_LIMITS
from service.settings import Settings
from tests.conftest import REPOSITORY
from tests.integration.container import DOCKERFILE, image_command

COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["squint"]
DOCKER = REPOSITORY / "tests" / "integration" / "docker.sh"


def stage(name: str) -> str:
    """The Dockerfile's lines of one stage."""
    return re.split(r"^FROM ", DOCKERFILE.split(f" AS {name}\n")[1], flags=re.MULTILINE)[0]


def test_gunicorn_itself_is_the_first_process() -> None:
    assert image_command()[0] == "gunicorn" and "ENTRYPOINT" not in DOCKERFILE


def test_the_image_runs_as_nobody_in_particular_and_is_checked() -> None:
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", stage("runtime"), re.MULTILINE)
    assert 'CMD ["python", "-m", "service", "health"]' in DOCKERFILE and "HEALTHCHECK" in DOCKERFILE


def test_the_image_limits_what_glibc_keeps_as_the_command_does() -> None:
    for name, value in MALLOC_LIMITS.items():
        assert re.search(rf"^ENV .*\b{name}={value}\b", stage("runtime"), re.MULTILINE)


def test_every_package_is_locked_by_hash() -> None:
    installs = re.findall(r"^RUN pip .*", DOCKERFILE, re.MULTILINE)
    assert len(installs) == 2 and all("--require-hashes" in line for line in installs)


def test_the_default_target_is_the_last_and_has_no_tensorflow() -> None:
    assert re.findall(r" AS (\S+)", DOCKERFILE)[-1] == "litert"
    assert "tensorflow" not in stage("litert") and "tensorflow" not in stage("packages")
    assert "SQUINT_ENGINE=tensorflow" in stage("tensorflow")


def test_compose_lets_the_container_write_to_a_bounded_tmp_and_nowhere_else() -> None:
    assert COMPOSE["read_only"] is True
    (place,) = COMPOSE["tmpfs"]
    assert re.fullmatch(r"/tmp:size=\d+m,mode=1777", place)  # noqa: S108
    assert COMPOSE["volumes"] == [f"./models:/app/{Settings.model_fields['models_dir'].default}:ro"]


def test_compose_gives_the_container_no_rights() -> None:
    assert COMPOSE["cap_drop"] == ["ALL"] and not {"cap_add", "privileged", "devices"} & set(COMPOSE)
    # Without a word on seccomp there, Docker's own profile holds.
    assert COMPOSE["security_opt"] == ["no-new-privileges:true"]
    assert f"\nUSER {COMPOSE['user']}\n" in DOCKERFILE
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["ports"])


def test_compose_waits_for_the_drain_and_builds_what_there_is() -> None:
    assert int(COMPOSE["stop_grace_period"].removesuffix("s")) > Settings.model_fields["drain_timeout_s"].default
    assert f" AS {COMPOSE['build']['target']}\n" in DOCKERFILE


def test_nothing_in_the_image_belongs_to_the_user_it_runs_as() -> None:
    assert not re.search(r"--chown|\bchown\b|\bchmod\b|^VOLUME", DOCKERFILE, re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", stage("runtime"), re.MULTILINE)
    assert copied == ["LICENSE NOTICE", "models", "service"]


def docker(tmp_path: Path, *words: str) -> str:
    """What the script for Docker asks of it."""
    stand_in = tmp_path / "docker"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o700)
    environment = os.environ | {"DOCKER": str(stand_in), "IMAGE": "named"}
    return subprocess.run([DOCKER, *words], env=environment, capture_output=True, text=True, check=True).stdout


def test_the_script_for_docker_runs_the_image_as_narrowly_as_compose(tmp_path: Path) -> None:
    asked = docker(tmp_path, "run", "env", "A=1", *image_command())
    assert asked.startswith("run --rm ") and asked.endswith(f" named env A=1 {' '.join(image_command())}\n")
    (place,), (option,), (dropped,) = COMPOSE["tmpfs"], COMPOSE["security_opt"], COMPOSE["cap_drop"]
    for words in ("--read-only", f"--tmpfs {place}", f"--cap-drop {dropped}", f"--security-opt {option}"):
        assert f" {words} " in asked


def test_the_script_for_docker_builds_the_target_it_is_asked_for(tmp_path: Path) -> None:
    assert docker(tmp_path, "build", "--target", "tensorflow") == "build --tag named --target tensorflow .\n"


@pytest.mark.parametrize(
    "name",
    ["service", "tensorflow", "training", "dev", "jax", "ray", "tensorboard", "opentelemetry", "sbom", "clients"],
)
def test_locks_hold_hashes_and_no_index_address(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    packages = re.findall(r"^[a-z].*==", text, re.MULTILINE)
    assert len(packages) > 10 and text.count("--hash=sha256:") >= len(packages)
    assert not re.search(r"https?://|file:|--index|--extra-index|--find-links", text)


def test_the_service_installs_no_tensorflow() -> None:
    service = (REPOSITORY / "requirements" / "service.txt").read_text()
    assert "tensorflow" not in service and "keras" not in service
