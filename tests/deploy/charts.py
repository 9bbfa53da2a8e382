"""The chart as the tests render it."""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import helm_python
import kubernetes_validate.utils  # type: ignore[import-untyped]
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "kilowatch"
sys.path.append(str(ROOT / "scripts"))
# it reads megabytes of definitions for each object, always the same
kubernetes_validate.utils.schema_contents = cache(kubernetes_validate.utils.schema_contents)
Values: TypeAlias = dict[str, Any]
Manifest: TypeAlias = dict[str, Any]
PUSH = {"KILOWATCH_SOURCES__PUSH__TOKEN": {"name": "kilowatch", "key": "push-token"}}
WEB = {"KILOWATCH_WEB__TOKEN": {"name": "kilowatch", "key": "web-token"}}
OWN: Values = {
    "mode": "services",
    "kafka": {"bootstrap": "kafka.example.org:9092"},
    "database": {"existingSecret": "kilowatch-database"},
    "secretEnv": WEB,
}
TRIAL: Values = OWN | {"kafka": {"bundled": {"enabled": True}}, "postgresql": {"enabled": True}}


def merged(*layers: Values) -> Values:
    """Return values laid over each other, the last on top."""
    out: Values = {}
    for layer in layers:
        for key, value in layer.items():
            below = out.get(key)
            out[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return out


MATRIX: dict[str, Values] = {
    "single": {},
    "single without a claim": {"single": {"persistence": {"enabled": False}}},
    "single with doors": {
        "config": {"sources": {"push": {"enabled": True}}, "web": {"enabled": True}},
        "secretEnv": PUSH | WEB,
        "service": {"type": "NodePort", "annotations": {"a": "b"}},
        "single": {"persistence": {"existingClaim": "old"}},
    },
    "services": OWN,
    "trial": merged(TRIAL, {"config": {"sources": {"push": {"enabled": True}}}, "secretEnv": PUSH}),
    "trial that keeps nothing": merged(TRIAL, {"kafka": {"bundled": {"storage": ""}}, "postgresql": {"storage": ""}}),
    "TLS and SASL": merged(
        OWN,
        {
            "kafka": {
                "tls": {"enabled": True, "existingSecret": "kafka-tls", "client": True},
                "sasl": {"mechanism": "SCRAM-SHA-512", "existingSecret": "kafka-login"},
            },
            "database": {"caSecret": "database-ca", "sslmode": "verify-ca"},
            "detector": {"keda": {"enabled": True}},
        },
    ),
    "HPA": merged(OWN, {"detector": {"autoscaling": {"enabled": True, "maxReplicas": 12}}}),
    "KEDA": merged(OWN, {"detector": {"keda": {"enabled": True}}}),
    "all of Prometheus": merged(
        OWN,
        {
            "prometheus": {"enabled": True, "storage": "5Gi"},
            "monitoring": {"serviceMonitor": True, "prometheusRule": True, "dashboards": True, "labels": {"r": "p"}},
        },
    ),
    "without actor and page": merged(OWN, {"actor": {"enabled": False}, "web": {"enabled": False}}),
    "bare": merged(
        OWN,
        {
            "podDisruptionBudget": {"enabled": False},
            "networkPolicy": {"enabled": False},
            "topics": {"create": False},
            "serviceAccount": {"create": False},
        },
    ),
    "placed": merged(
        OWN,
        {
            "pod": {
                "annotations": {"a": "b"},
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "a", "operator": "Exists"}],
                "affinity": {"nodeAffinity": {}},
                "priorityClassName": "high",
            },
            "image": {"digest": "sha256:" + "0" * 64},
            "imagePullSecrets": [{"name": "pull"}],
            "commonLabels": {"team": "energy"},
            "extraVolumes": [{"name": "models", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "models", "mountPath": "/models"}],
            "config": {"sources": {"mqtt": {"home": {"host": "mqtt.example.org", "port": 8883, "tls": True}}}},
            "networkPolicy": {"webFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        },
    ),
}


@cache
def _chart() -> Any:
    return helm_python.Chart.load(str(CHART))


@cache
def _rendered(values: str, name: str) -> tuple[dict[str, str], list[Manifest]]:
    made = dict(_chart().render(json.loads(values), name=name, namespace="energy"))
    texts = [text for path, text in made.items() if path.endswith(".yaml")]
    return made, [one for text in texts for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]


def files(values: Values, name: str = "kw") -> dict[str, str]:
    """Return what each template makes of the values; an error of Helm's where they are refused."""
    return _rendered(json.dumps(values), name)[0]


def manifests(values: Values, name: str = "kw") -> list[Manifest]:
    """Return the objects that would be sent to the cluster, for the caller to change."""
    return deepcopy(_rendered(json.dumps(values), name)[1])


def pods(objects: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield every pod's specification with the name of what makes it."""
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            yield name, one["spec"]
        elif one["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, one["spec"]["template"]["spec"]


def containers(spec: Manifest) -> list[Manifest]:
    """Return all containers of a pod, also those that run before it."""
    return [*spec.get("initContainers", []), *spec["containers"]]
