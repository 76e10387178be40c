"""The files for Kubernetes: against its schemas, as kustomize puts them together, and by name."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from gateway.features.settings import Settings
from tests.deploy.places import DEPLOY, program, run

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
EXAMPLE = "secret.example.yaml"
KINDS = ("Deployment", "PodDisruptionBudget", "Secret", "Service")


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


RESOURCES = {found["kind"]: found for found in map(read, (*KUSTOMIZATION["resources"], EXAMPLE))}
DEPLOYMENT = RESOURCES["Deployment"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]


def environment() -> Iterator[tuple[str, str]]:
    """The names and values of settings.env."""
    for line in (FOLDER / "settings.env").read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            name, _, value = line.partition("=")
            yield name, value


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_every_file_is_used() -> None:
    named = {"kustomization.yaml", EXAMPLE, "settings.env", *KUSTOMIZATION["resources"]}
    assert {file.name for file in FOLDER.iterdir()} == named
    assert sorted(RESOURCES) == list(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_the_schema_of_kubernetes(kind: str) -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="make kubernetes installs it")
    version = schemas.latest_version()
    schemas.validate(RESOURCES[kind], version, strict=True)
    misspelled = RESOURCES[kind] | {"sepc": {}}
    with pytest.raises(schemas.ValidationError):
        schemas.validate(misspelled, version, strict=True)


@pytest.mark.slow
def test_kustomize_puts_it_together() -> None:
    documents = yaml.safe_load_all(run(program("kubectl"), "kustomize", FOLDER))
    found = {each["kind"]: each for each in documents}
    assert sorted(found) == ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"]
    assert found["ConfigMap"]["data"] == dict(environment())
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    name = found["ConfigMap"]["metadata"]["name"]
    assert name.startswith("cuebot-gateway-")
    assert container["envFrom"] == [{"configMapRef": {"name": name}}]
    assert container["image"].startswith(KUSTOMIZATION["images"][0]["newName"] + ":")


def test_the_labels_are_the_same_everywhere() -> None:
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    (spread,) = POD["topologySpreadConstraints"]
    assert DEPLOYMENT["selector"]["matchLabels"] == labels
    assert RESOURCES["Service"]["spec"]["selector"] == labels
    assert RESOURCES["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert spread["labelSelector"]["matchLabels"] == labels


def test_the_settings_are_settings() -> None:
    names = {name.lower() for name, _ in environment()}
    assert names <= Settings.model_fields.keys() - {"jwt_secret"}


def test_the_secret_is_where_the_settings_look() -> None:
    (mount,) = CONTAINER["volumeMounts"]
    (volume,) = POD["volumes"]
    secret = RESOURCES["Secret"]
    (key,) = secret["stringData"]
    assert volume["name"] == mount["name"]
    assert volume["secret"] == {"secretName": secret["metadata"]["name"], "defaultMode": 0o440}
    assert dict(environment())["JWT_SECRET_FILE"] == f"{mount['mountPath']}/{key}"


def test_the_ports_and_probes_lead_to_the_gateway() -> None:
    (port,) = CONTAINER["ports"]
    (service_port,) = RESOURCES["Service"]["spec"]["ports"]
    assert port["containerPort"] == Settings.model_fields["rest_port"].default
    assert service_port["targetPort"] == port["name"]
    assert CONTAINER["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert CONTAINER["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}


def test_a_stop_has_time() -> None:
    settings = dict(environment())
    delay, timeout = seconds(settings["SHUTDOWN_DELAY"]), seconds(settings["SHUTDOWN_TIMEOUT"])
    assert POD["terminationGracePeriodSeconds"] > delay + timeout
    assert delay > CONTAINER["readinessProbe"]["periodSeconds"]


def test_the_pod_is_confined() -> None:
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert CONTAINER["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
