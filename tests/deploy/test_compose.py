"""deploy/compose.yaml: sound by the specification's own schema, and every service of ours locked as it can be."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

_DEPLOY = Path(__file__).parents[2] / "deploy"
_SCHEMA = "github.com/compose-spec/compose-go/v2@v2.16.2"
_OURS = ("registry", "processor", "detector", "metrics", "actor", "web")


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())
    return loaded


@pytest.mark.skipif(shutil.which("go") is None, reason="go fetches the schema: apt-get install golang")
def test_the_specification_allows_it(stack: dict[str, Any]) -> None:
    asked = subprocess.run(["go", "mod", "download", "-json", _SCHEMA], capture_output=True, text=True, check=True)
    schema = Path(json.loads(asked.stdout)["Dir"]) / "schema" / "compose-spec.json"
    jsonschema.validate(stack, json.loads(schema.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(stack | {"services": {"web": {"imagge": "x"}}}, json.loads(schema.read_text()))


def test_every_file_that_is_mounted_is_there(stack: dict[str, Any]) -> None:
    mounted = [volume for service in stack["services"].values() for volume in service.get("volumes", [])]
    ours = {volume.partition(":")[0] for volume in mounted if volume.startswith("./")}
    assert ours
    assert [name for name in ours if not (_DEPLOY / name).exists()] == []


def test_what_runs_is_locked_and_bounded(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "mem_limit" in service, name
        assert service["read_only"] or name == "kafka"


def test_no_port_leaves_loopback_by_itself(stack: dict[str, Any]) -> None:
    ports = [port for service in stack["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith(("127.0.0.1:", "${MQTT_BIND:-127.0.0.1}:")) for port in ports)


def test_no_secret_stands_in_the_file(stack: dict[str, Any]) -> None:
    settings = [key for service in stack["services"].values() for key in service.get("environment", {})]
    assert [key for key in settings if re.search(r"(PASSWORD|TOKEN)$", key)] == []
    known = set(stack["secrets"])
    assert all(set(service.get("secrets", [])) <= known for service in stack["services"].values())


def test_every_service_is_watched_by_prometheus(stack: dict[str, Any]) -> None:
    scraped = yaml.safe_load((_DEPLOY / "compose/prometheus/prometheus.yml").read_text())
    names = scraped["scrape_configs"][0]["dns_sd_configs"][0]["names"]
    assert set(names) == set(_OURS)
    assert set(_OURS) <= set(stack["services"])
