"""What a pod says whose Kafka cannot be reached, and what the chart says of a Kubernetes that is too old."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import yaml

from deploy.charts import CHART, OWN, manifests, merged, pods
from deploy.test_chart import KUBERNETES

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = "127.0.0.1:9"
PATIENCE_S = 60.0


def test_a_pod_whose_kafka_is_away_says_so_and_waits(tmp_path: Path) -> None:
    """The very command and environment that the chart gives to what runs before each service."""
    objects = manifests(merged(OWN, {"kafka": {"bootstrap": NOBODY}}))
    waiter = dict(pods(objects))["Deployment/kw-kilowatch-registry"]["initContainers"][0]
    (settings,) = [one["data"]["kilowatch.toml"] for one in objects if one["kind"] == "ConfigMap"]
    (tmp_path / "kilowatch.toml").write_text(settings)
    given = {one["name"]: one.get("value", "secret") for one in waiter["env"]}
    words = [str(tmp_path / "kilowatch.toml") if word.endswith(".toml") else word for word in waiter["command"][1:]]
    process = subprocess.Popen(
        [sys.executable, *words], env=os.environ | given, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stderr is not None
    # A process that says nothing would keep us for ever.
    watchdog = threading.Timer(PATIENCE_S, process.kill)
    watchdog.start()
    try:
        said = next((line for line in process.stderr if "waits for" in line), "")
        time.sleep(0.5)
        assert process.poll() is None, "it gave up, or said nothing"
        assert "the topics" in json.loads(said)["message"]
        assert "kafka.bootstrap names it" in said
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stderr.close()


def test_the_oldest_kubernetes_that_is_let_in_is_the_oldest_whose_schema_is_checked() -> None:
    wanted = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    assert re.findall(r"[0-9]+\.[0-9]+", wanted)[0] == KUBERNETES[0]
