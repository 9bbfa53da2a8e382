#!/usr/bin/env python3
"""Makes tests/deploy/custom_resources.json from the Go modules that define the custom resources; needs Go.

An unknown field is an error in them, as `kubectl apply --validate=strict` has it. Descriptions are left out.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

OUT = Path(__file__).parents[1] / "tests" / "deploy" / "custom_resources.json"
MODULES = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    "github.com/kedacore/keda/v2@v2.20.2": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
}
_SCALER = "pkg/scalers/kafka_scaler.go"
_WORD = re.compile(r'`keda:"name=(\w+),order=([\w;]+)([^"]*)"`')
_KEPT = ("type", "required", "enum", "pattern", "items", "minimum", "maximum", "minLength", "minItems", "maxItems")


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a structural schema as JSON Schema that refuses fields it does not name."""
    made: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if "(?i)" in str(made.get("pattern")):  # of Go alone
        del made["pattern"]
    if "items" in made:
        made["items"] = strict(made["items"])
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    properties = schema.get("properties")
    more = schema.get("additionalProperties")
    if properties is not None:
        made["properties"] = {name: strict(one) for name, one in properties.items()}
        made["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    elif isinstance(more, dict):
        made["additionalProperties"] = strict(more)
    if schema.get("nullable") and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def refine(made: dict[str, Any], scaler: str) -> None:
    """Let KEDA's objects hold the words of its Kafka scaler alone: their own schemas take any."""
    trigger: dict[str, Any] = {}
    login: list[str] = []
    needed: list[str] = []
    for name, places, more in _WORD.findall(scaler):
        if "triggerMetadata" in places:
            values = re.search("enum=([^,]*)", more)
            trigger[name] = {"type": "string"} | ({"enum": values[1].split(";")} if values else {})
            needed += [] if "optional" in more or "default=" in more else [name]
        login += [name] if "authParams" in places else []
    triggers = made["ScaledObject"]["properties"]["spec"]["properties"]["triggers"]["items"]["properties"]
    triggers["type"] = {"const": "kafka"}
    triggers["metadata"] = {"properties": trigger, "additionalProperties": False, "required": needed}
    secrets = made["TriggerAuthentication"]["properties"]["spec"]["properties"]["secretTargetRef"]["items"]
    secrets["properties"]["parameter"] = {"enum": login}


def main() -> None:
    """Write the file."""
    made: dict[str, Any] = {}
    for module, files in MODULES.items():
        asked = subprocess.run(["go", "mod", "download", "-json", module], check=True, capture_output=True, text=True)
        folder = Path(json.loads(asked.stdout)["Dir"])
        for file in files:
            crd = yaml.safe_load((folder / file).read_text())
            version = next(one for one in crd["spec"]["versions"] if one["storage"])
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            schema["properties"]["apiVersion"] = {"const": f"{crd['spec']['group']}/{version['name']}"}
            made[crd["spec"]["names"]["kind"]] = {"$comment": module, **schema}
        if (folder / _SCALER).exists():
            refine(made, (folder / _SCALER).read_text())
    OUT.write_text(json.dumps(made, separators=(",", ":"), sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
