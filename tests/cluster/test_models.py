"""New versions of a model on a real Kubernetes while readings flow; and what a cluster has to refuse.

The versions differ in their cards alone. So whichever of them judges, the readings mean the same incidents, and the
count in the cluster, which never hears of models, can hold every one of them to it.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from cluster.bed import CHART, NAME, Cluster, ask, helm, introduce, leave, pod, say, until, values
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.export import restamped
from kilowatch.nets.shipped import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]
SHIPPED = "fridge-autoencoder"
IN_IMAGE = f"/opt/kilowatch/lib/python3.11/site-packages/kilowatch/nets/shipped/{SHIPPED}.onnx"
KEPT = "import base64, sys; open('/data/given.onnx', 'wb').write(base64.b64decode(sys.stdin.read()))"
PAUSE_S = "0.1"


@pytest.fixture(scope="module")
def on(bare: Cluster) -> Iterator[Cluster]:
    """Give a namespace of its own where two detectors judge by a network, and readings flow."""
    found = replace(bare, namespace="models")
    introduce(found)
    port = {"port": 8000}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "models"}}
    found.apply(service | {"spec": {"selector": {"role": "models"}, "ports": [port]}})
    detector = {"name": f"autoencoder:{IN_IMAGE}", "learning_days": 1}
    changed = {"config__detector": detector, "config__models": {"url": "http://models:8000"}, "detector__replicas": 2}
    say(f"models: installed and ready after {helm(found, 'install', **changed):.0f} s")
    pod(found, "load", PUSH=f"{NAME}-push", HOMES="0")
    pod(found, "models")
    ask(found, "introduce", "nowhere")
    ask(found, "pace", PAUSE_S)
    ask(found, "begin")
    yield found
    leave(found)


def versions() -> list[bytes]:
    """Return two newer versions of the shipped model."""
    data = path_of(SHIPPED).read_bytes()
    card = artifact_of(data).card
    made = [f"2026-11-0{day}T00:00:00+00:00" for day in (2, 3)]
    return [restamped(data, msgspec.structs.replace(card, created=when)) for when in made]


def promoted(on: Cluster, data: bytes) -> str:
    """Take a model into the folder that the cluster's models come from, and return its hash."""
    on.kubectl("exec", "-i", "models", "--", "python", "-c", KEPT, given=base64.b64encode(data).decode())
    words = ("kilowatch", "models", "promote", "/data/given.onnx", "--registry", "/data/models", "--kind", "meter")
    on.kubectl("exec", "models", "--", *words)
    return artifact_of(data).sha256


def delivered(on: Cluster, sha256: str) -> float:
    """Choose a model for the meters, and return how long it took until incidents name it alone, s."""
    words = ("kilowatch", "models", "deliver", "meter", "--live", sha256, "--registry", "/data/models")
    on.kubectl("exec", "models", "--", *words, "-c", "/etc/kilowatch/kilowatch.toml")
    return until(lambda: ask(on, "judged_by") == [sha256], f"incidents do not name model {sha256[:12]} alone", 180.0)


def test_newer_models_take_over_under_load_and_the_way_back(on: Cluster) -> None:
    until(lambda: ask(on, "judged_by"), "no incident", 240.0)
    first, second = (promoted(on, data) for data in versions())
    say(f"models: incidents name the new version after {delivered(on, first):.0f} s")
    say(f"models: and the one after it after {delivered(on, second):.0f} s")
    say(f"models: and, rolled back, the one before it after {delivered(on, first):.0f} s")
    say(f"models: sent: {ask(on, 'end')}")
    found = ask(on, "check", "180")
    say(f"models: counted: {found}")
    assert [found[name] for name in ("lost", "untold", "told_twice", "told_otherwise")] == [0, 0, 0, 0]
    assert {first, second} <= set(found["models"])


def test_a_second_release_on_the_same_brokers_is_refused(on: Cluster) -> None:
    own = ("--set", "kafka.bundled.enabled=false", "--set", f"kafka.bootstrap={NAME}-kafka:9092")
    with pytest.raises(AssertionError, match="Release kw of this namespace works on the same brokers"):
        on.helm("install", "other", str(CHART), *values(), *own, "--dry-run=server")


def test_a_kubernetes_that_is_too_old_is_refused(on: Cluster) -> None:
    with pytest.raises(AssertionError, match=r"requires kubeVersion: >=1.27.0-0"):
        on.helm("template", "old", str(CHART), "--kube-version", "1.26.9")
