"""The chart: lint, the schemas of several Kubernetes, and the rules that every pod of it keeps."""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from typing import TYPE_CHECKING

import helm_python
import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import make_chart_docs
import pytest
import yaml

from deploy.charts import CHART, MATRIX, OWN, ROOT, TRIAL, Manifest, Values, containers, files, manifests, merged, pods
from kilowatch.config import load_config

if TYPE_CHECKING:
    from pathlib import Path

KUBERNETES = ("1.27", "1.30", "1.33", "1.37")
CUSTOM = json.loads((ROOT / "tests" / "deploy" / "custom_resources.json").read_text())
every = pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())


def test_lint_finds_nothing() -> None:
    found = helm_python.lint(str(CHART))
    said = [one for one in found["messages"] if "icon" not in one["error"]]
    assert (said, found["errors"]) == ([], [])


def test_what_is_made_from_the_values_is_up_to_date() -> None:
    stale = [path.name for path, text in make_chart_docs.made().items() if path.read_text() != text]
    assert stale == [], "run: python scripts/make_chart_docs.py"


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_what_kubernetes_knows(version: str) -> None:
    seen: list[Manifest] = []
    for values in MATRIX.values():
        for one in manifests(values):
            if one in seen or one["kind"] in CUSTOM:
                continue
            seen.append(one)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kubernetes_validate.validate(one, version, strict=True)
    assert len(seen) > 60


def test_every_custom_object_is_what_its_operator_knows() -> None:
    found = [one for values in MATRIX.values() for one in manifests(values) if one["kind"] in CUSTOM]
    assert {one["kind"] for one in found} == set(CUSTOM)
    for one in found:
        custom(one)


def custom(one: Manifest) -> None:
    jsonschema.validate(one, CUSTOM[one["kind"]])


def test_the_strict_schemas_do_refuse() -> None:
    deployment = next(one for one in manifests(OWN) if one["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagge"] = "x"
    with pytest.raises(kubernetes_validate.ValidationError, match="imagge"):
        kubernetes_validate.validate(deployment, KUBERNETES[-1], strict=True)
    scaled = next(one for one in manifests(MATRIX["KEDA"]) if one["kind"] == "ScaledObject")
    trigger = scaled["spec"]["triggers"][0]
    for words, why in (({"lagTreshold": "1"}, "lagTreshold"), ({"offsetResetPolicy": "first"}, "first")):
        wrong = scaled | {"spec": {"triggers": [trigger | {"metadata": trigger["metadata"] | words}]}}
        with pytest.raises(jsonschema.ValidationError, match=why):
            custom(wrong)
    login = next(one for one in manifests(MATRIX["TLS and SASL"]) if one["kind"] == "TriggerAuthentication")
    login["spec"]["secretTargetRef"][0]["parameter"] = "user"
    with pytest.raises(jsonschema.ValidationError, match="user"):
        custom(login)


@every
def test_every_pod_is_restricted(values: Values) -> None:
    for name, pod in pods(manifests(values)):
        security = pod["securityContext"]
        assert security["runAsNonRoot"], name
        assert security["runAsUser"] > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert not any("hostPath" in volume for volume in pod.get("volumes", [])), name


@every
def test_every_container_is_locked_and_bounded(values: Values) -> None:
    for name, pod in pods(manifests(values)):
        for one in containers(pod):
            security = one["securityContext"]
            assert security["readOnlyRootFilesystem"], name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert one["resources"]["limits"]["memory"], name
            assert {"cpu", "memory"} <= set(one["resources"]["requests"]), name
            tag = one["image"].rpartition(":")[2]
            assert ":" in one["image"], name
            assert tag != "latest", name


@every
def test_what_serves_has_probes(values: Values) -> None:
    for name, pod in pods(manifests(values)):
        if not name.startswith(("Job/", "Pod/")):
            for one in pod["containers"]:
                assert {"livenessProbe", "readinessProbe"} <= set(one), name


@every
def test_names_that_point_somewhere_find_it(values: Values) -> None:
    objects = manifests(values)
    templates = [one["spec"]["template"] for one in objects if one["kind"] in ("Deployment", "StatefulSet")]
    for one in objects:
        if one["kind"] == "Service":
            chosen = one["spec"]["selector"].items()
            found = [made for made in templates if chosen <= made["metadata"]["labels"].items()]
            assert len(found) == 1, one["metadata"]["name"]
            ports = {port["name"] for part in found[0]["spec"]["containers"] for port in part["ports"]}
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= ports
        if one["kind"] in ("PodDisruptionBudget", "NetworkPolicy"):
            field = one["spec"].get("selector") or one["spec"]["podSelector"]
            chosen = field["matchLabels"].items()
            assert [made for made in templates if chosen <= made["metadata"]["labels"].items()]
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))


@every
def test_nothing_secret_stands_in_what_is_made(values: Values) -> None:
    objects = manifests(values)
    assert not [one for one in objects if one["kind"] in ("Secret", "Role", "ClusterRole", "RoleBinding")]
    for name, pod in pods(objects):
        for one in containers(pod):
            for variable in one.get("env", []):
                if variable["name"].endswith(("PASSWORD", "TOKEN")):
                    assert "secretKeyRef" in variable.get("valueFrom", {}), (name, variable)


@every
def test_kilowatch_understands_its_settings(values: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the environment that pods get are loaded by kilowatch itself."""
    objects = manifests(values)
    text = next(one for one in objects if one["kind"] == "ConfigMap" and "kilowatch.toml" in one["data"])
    (tmp_path / "kilowatch.toml").write_text(text["data"]["kilowatch.toml"])
    ours = [one for _, pod in pods(objects) for one in containers(pod) if "kilowatch" in one["image"]]
    assert ours
    for variable in ours[0]["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "secret"))
    config = load_config(tmp_path / "kilowatch.toml").config
    assert config.metrics.enabled
    if values.get("mode") == "services":
        assert config.kafka.partitions == 12
        assert config.database.password is not None
    assert config.kafka.tls == bool(values.get("kafka", {}).get("tls"))


def test_numbers_of_the_settings_stay_whole() -> None:
    values = {"config": {"detector": {"learning_days": 2}, "outbox": {"most_mb": 5_000_000}, "site": {"name": "a.b"}}}
    (text,) = [one["data"]["kilowatch.toml"] for one in manifests(values) if one["kind"] == "ConfigMap"]
    assert '"most_mb" = 5000000' in text
    assert '"learning_days" = 2\n' in text


REFUSED = {
    "an unknown key": ({"detektor": {}}, "additional properties 'detektor' not allowed"),
    "an unknown key further down": ({"image": {"tagg": "1"}}, "additional properties 'tagg' not allowed"),
    "an unknown setting": ({"config": {"detector": {"nam": "x"}}}, "additional properties 'nam' not allowed"),
    "a setting of the chart's": ({"config": {"kafka": {}}}, "additional properties 'kafka' not allowed"),
    "a secret in the values": ({"config": {"web": {"token": "x"}}}, "additional properties 'token' not allowed"),
    "two pods of one home": ({"single": {"replicas": 2}}, "additional properties 'replicas' not allowed"),
    "no such mode": ({"mode": "both"}, "'single', 'services'"),
    "the tag latest": ({"image": {"tag": "latest"}}, "/image/tag"),
    "no limits": ({"registry": {"resources": {"limits": None}}}, "/registry/resources"),
    "no database": (OWN | {"database": {}}, "mode services needs PostgreSQL"),
    "no Kafka": (OWN | {"kafka": {}}, "mode services needs Kafka"),
    "two Kafkas": (merged(TRIAL, {"kafka": {"bootstrap": "a:1"}}), "both set"),
    "SASL without a secret": (merged(OWN, {"kafka": {"sasl": {"mechanism": "PLAIN"}}}), "kafka.sasl.existingSecret"),
    "our certificate without a secret": (merged(OWN, {"kafka": {"tls": {"client": True}}}), "kafka.tls.existingSecret"),
    "TLS with the bundled broker": (merged(TRIAL, {"kafka": {"tls": {"enabled": True}}}), "neither TLS nor SASL"),
    "no token of the page": (OWN | {"secretEnv": {}}, "The page has no token"),
    "no token to push": ({"config": {"sources": {"push": {"enabled": True}}}}, "has no token"),
    "two autoscalers": (
        merged(OWN, {"detector": {"keda": {"enabled": True}, "autoscaling": {"enabled": True}}}),
        "two autoscalers",
    ),
    "more detectors than partitions": (merged(OWN, {"detector": {"replicas": 13}}), "13 detectors for 12 partitions"),
    "two processors of one MQTT": (
        merged(OWN, {"processor": {"replicas": 2}, "config": {"sources": {"mqtt": {"home": {"host": "x"}}}}}),
        "belongs to one pod",
    ),
}


@pytest.mark.parametrize(("values", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_work_is_refused_and_says_why(values: Values, why: str) -> None:
    with pytest.raises(helm_python.HelmError) as refused:
        files(values)
    assert why in str(refused.value)


def test_old_detectors_hold_new_processors_back() -> None:
    waits = {name: pod["initContainers"][0]["command"] for name, pod in pods(manifests(OWN)) if "initContainers" in pod}
    assert waits["Deployment/kw-kilowatch-processor"][-2:] == ["--none-older", "kw-kilowatch-detector-pods:9469"]
    assert waits["Deployment/kw-kilowatch-detector"][-2:] == ["--none-newer", "kw-kilowatch-processor-pods:9469"]


def test_whoever_scales_detectors_is_not_told_a_number() -> None:
    for name in ("HPA", "KEDA"):
        (spec,) = [
            one["spec"]
            for one in manifests(MATRIX[name])
            if one["metadata"]["name"] == "kw-kilowatch-detector" and one["kind"] == "Deployment"
        ]
        assert "replicas" not in spec


@pytest.mark.prometheus
def test_promtool_accepts_the_bundled_prometheus(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    objects = manifests(MATRIX["all of Prometheus"])
    (data,) = [one["data"] for one in objects if one["kind"] == "ConfigMap" and "prometheus.yml" in one["data"]]
    for name, text in data.items():
        (tmp_path / name).write_text(text.replace("/etc/prometheus/", f"{tmp_path}/"))
    done = subprocess.run(
        [promtool, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (rule,) = [one["spec"] for one in objects if one["kind"] == "PrometheusRule"]
    (tmp_path / "rule.yml").write_text(yaml.safe_dump(rule))
    subprocess.run([promtool, "check", "rules", str(tmp_path / "rule.yml")], check=True, capture_output=True)
