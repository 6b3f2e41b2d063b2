"""The manifests in deploy/ are valid, and speak of paths, ports and users that exist."""

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from werkzeug.test import Client

from service.settings import Settings
from tests.conftest import REPOSITORY

KUBERNETES = sorted((REPOSITORY / "deploy" / "kubernetes").glob("*.yaml"))
KSERVE_RUNTIME = REPOSITORY / "deploy" / "kserve" / "runtime.yaml"
KSERVE = sorted((REPOSITORY / "deploy" / "kserve").glob("*.yaml"))
VOLUME = REPOSITORY / "deploy" / "kubernetes-volume" / "kustomization.yaml"
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
CLIENTS = REPOSITORY / ".venv" / "clients" / "bin" / "python"
# The oldest that knows what is used, such as a preStop that sleeps, and the newest.
VERSIONS = ("1.30", "1.37")


def read(path: Path) -> dict[str, Any]:
    (document,) = yaml.safe_load_all(path.read_text())
    return document  # type: ignore[no-any-return]


def manifest(name: str) -> dict[str, Any]:
    return read(REPOSITORY / "deploy" / "kubernetes" / f"{name}.yaml")


def container() -> dict[str, Any]:
    (found,) = manifest("deployment")["spec"]["template"]["spec"]["containers"]
    return found  # type: ignore[no-any-return]


def probes(owner: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (probe["httpGet"] for name, probe in owner.items() if name.endswith("Probe"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", KUBERNETES, ids=lambda path: path.stem)
def test_a_manifest_fits_the_schema_of_kubernetes(path: Path, version: str) -> None:
    document = read(path)
    if document["kind"] == "Kustomization":
        assert sorted(document["resources"]) == sorted(p.name for p in KUBERNETES if p != path)
        return
    kubernetes_validate.validate(document, version, strict=True)


def test_probes_ask_for_paths_that_the_service_answers(client: Client) -> None:
    runtime = read(KSERVE_RUNTIME)["spec"]["containers"][0]
    asked = [*probes(container()), *probes(runtime)]
    assert len(asked) == 5
    for probe in asked:
        assert client.get(probe["path"]).status_code == 200, probe


def test_ports_are_those_the_service_listens_on() -> None:
    (port,) = container()["ports"]
    assert port["containerPort"] == Settings.model_fields["port"].default
    assert f"EXPOSE {port['containerPort']}" in DOCKERFILE
    for probe in probes(container()):
        assert probe["port"] == port["name"]
    assert manifest("service")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert manifest("network")["spec"]["ingress"][0]["ports"] == [{"port": port["name"]}]


def test_the_runtime_of_kserve_listens_where_it_is_probed() -> None:
    runtime = read(KSERVE_RUNTIME)["spec"]["containers"][0]
    settings = {variable["name"]: variable["value"] for variable in runtime["env"]}
    port = int(settings["SQUINT_PORT"])
    assert runtime["ports"][0]["containerPort"] == port and all(probe["port"] == port for probe in probes(runtime))
    assert {name.removeprefix("SQUINT_").lower() for name in settings} <= set(Settings.model_fields)


def test_the_container_may_write_only_to_tmp_and_has_no_rights() -> None:
    pod, security = manifest("deployment")["spec"]["template"]["spec"], container()["securityContext"]
    assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert (
        pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    )
    assert [mount["mountPath"] for mount in container()["volumeMounts"]] == ["/tmp"]  # noqa: S108
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"])
    assert f"USER {pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" in DOCKERFILE


def test_a_container_of_kserve_is_as_narrow_as_that_of_kubernetes() -> None:
    pod, runtime = manifest("deployment")["spec"]["template"]["spec"], read(KSERVE_RUNTIME)["spec"]
    (narrow,) = runtime["containers"]
    assert narrow["securityContext"] == container()["securityContext"] | pod["securityContext"]
    assert narrow["volumeMounts"] == container()["volumeMounts"] and runtime["volumes"] == pod["volumes"]


def with_volume(deployment: dict[str, Any]) -> dict[str, Any]:
    """The deployment after the patch of kubernetes-volume, which only appends to lists."""
    patched = copy.deepcopy(deployment)
    (patch,) = read(VOLUME)["patches"]
    assert patch["target"] == {"kind": deployment["kind"], "name": deployment["metadata"]["name"]}
    for step in yaml.safe_load(patch["patch"]):
        at: Any = patched
        *place, end = step["path"].strip("/").split("/")
        for key in place:
            at = at[int(key) if isinstance(at, list) else key]
        assert (step["op"], end) == ("add", "-")
        at.append(step["value"])
    return patched


@pytest.mark.parametrize("version", VERSIONS)
def test_models_can_come_from_a_volume(version: str) -> None:
    deployment = with_volume(manifest("deployment"))
    kubernetes_validate.validate(deployment, version, strict=True)
    pod = deployment["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    (mount,) = (mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "models")
    assert mount["readOnly"] and volumes["models"]["persistentVolumeClaim"]["readOnly"]
    assert mount["mountPath"] == f"/app/{Settings.model_fields['models_dir'].default}" and "WORKDIR /app" in DOCKERFILE
    assert (VOLUME.parent / read(VOLUME)["resources"][0]).resolve() == KUBERNETES[0].parent


def test_a_pod_is_not_killed_while_it_drains() -> None:
    pod = manifest("deployment")["spec"]["template"]["spec"]
    drain = Settings.model_fields["drain_timeout_s"].default
    pause = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > drain + pause


def test_every_selector_finds_the_pods() -> None:
    labels = manifest("deployment")["spec"]["template"]["metadata"]["labels"]
    assert manifest("service")["spec"]["selector"] == labels
    assert manifest("disruption")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("network")["spec"]["podSelector"]["matchLabels"] == labels
    assert manifest("deployment")["spec"]["selector"]["matchLabels"] == labels
    assert manifest("autoscaler")["spec"]["scaleTargetRef"]["name"] == manifest("deployment")["metadata"]["name"]


def test_the_service_of_kserve_names_the_runtime() -> None:
    documents = {document["kind"]: document for document in map(read, KSERVE)}
    model = documents["InferenceService"]["spec"]["predictor"]["model"]
    runtime = documents["ServingRuntime"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert model["modelFormat"]["name"] in [known["name"] for known in runtime["spec"]["supportedModelFormats"]]


def unknown_to_kserve(documents: list[dict[str, Any]]) -> list[str]:
    """What KServe's own classes find wrong with documents."""
    if not CLIENTS.exists():
        pytest.skip("KServe's classes are not installed: make .venv/.clients")
    command = [str(CLIENTS), "tests/clients/kserve_manifests.py"]
    told = subprocess.run(command, cwd=REPOSITORY, input=json.dumps(documents), capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def test_the_manifests_of_kserve_fit_its_schemas() -> None:
    assert unknown_to_kserve([read(path) for path in KSERVE]) == []
