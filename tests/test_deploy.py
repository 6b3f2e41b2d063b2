"""The manifests in deploy/ are valid, and speak of paths, ports and users that exist."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from flask.testing import FlaskClient

from service.settings import Settings
from tests.conftest import REPOSITORY

KUBERNETES = sorted((REPOSITORY / "deploy" / "kubernetes").glob("*.yaml"))
KSERVE = sorted((REPOSITORY / "deploy" / "kserve").glob("*.yaml"))
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
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


def test_the_schemas_do_refuse_what_is_wrong() -> None:
    broken = manifest("deployment")
    del broken["spec"]["selector"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[0], strict=True)


def test_probes_ask_for_paths_that_the_service_answers(client: FlaskClient) -> None:
    runtime = read(REPOSITORY / "deploy" / "kserve" / "runtime.yaml")["spec"]["containers"][0]
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
    runtime = read(REPOSITORY / "deploy" / "kserve" / "runtime.yaml")["spec"]["containers"][0]
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
