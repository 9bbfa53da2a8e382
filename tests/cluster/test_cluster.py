"""The chart on a real Kubernetes, with real Kafka and PostgreSQL in pods: works, heals, upgrades, scales, may little.

Tests build on each other, in order: readings flow from the second to the one that counts them.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cluster.bed import (
    IMAGE,
    INSIDE,
    NAME,
    NAMESPACE,
    PARTS,
    PATIENCE_S,
    Cluster,
    cluster,
    helm,
    inside,
    is_ready,
    pod,
    restarts,
    running,
    say,
    until,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
SERVICES = ("registry", "processor", "detector", "metrics", "actor")
NEXT = os.environ.get("KILOWATCH_NEXT_IMAGE", "")
"""An image of a newer version, for the upgrade; without it the configuration alone changes."""


@pytest.fixture(scope="module")
def on() -> Iterator[Cluster]:
    """Give a cluster with the chart installed, pods that send and pods that are plugs."""
    with cluster([IMAGE, *PARTS, *([NEXT] if NEXT else [])]) as found:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        found.run(
            "kubectl",
            "apply",
            "-f",
            "-",
            given=json.dumps(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
            ),
        )
        secret = {"password": "trial", "push": "push-token", "web": "web-token"}
        found.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kilowatch"}, "stringData": secret})
        found.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "inside"},
                "data": {"inside.py": INSIDE.read_text()},
            }
        )
        say(f"installed and ready after {helm(found, 'upgrade', '--install'):.0f} s")
        pod(found, "plugs", ["python", "/inside/inside.py", "plugs"])
        pod(found, "load", ["python", "-c", "import time; time.sleep(1e6)"], PUSH=f"{NAME}-push")
        (plugs,) = found.objects("pod", "role=plugs")
        inside(found, "introduce", plugs["status"]["podIP"])
        yield found


@pytest.fixture(scope="module")
def sender(on: Cluster) -> Iterator[subprocess.Popen[str]]:
    """Let readings flow from here on."""
    process = on.start("kubectl", "-n", NAMESPACE, "exec", "load", "--", "python", "/inside/inside.py", "send", "0.1")
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def offs(on: Cluster) -> dict[int, int]:
    """Count how often each plug was switched off, as the plugs themselves saw it."""
    lines = [json.loads(line) for line in on.kubectl("logs", "plugs").splitlines() if '"plug"' in line]
    return {number: sum(one["plug"] == number and not one["on"] for one in lines) for number in range(4)}


def flowing(on: Cluster) -> float:
    """Wait until more was accepted of every house, and return how long that took, s."""
    before = inside(on, "accepted")
    return until(lambda: all(inside(on, "accepted")[site] > seen for site, seen in before.items()), "nothing flows")


def test_a_reading_becomes_an_incident_and_a_switched_plug(on: Cluster) -> None:
    inside(on, "odd", "home0")
    took_s = until(lambda: offs(on)[0] == 1, "the plug was not switched off", 120)
    say(f"odd readings to a switched plug: {took_s:.1f} s")
    until(lambda: ["home0", "confirmed"] in inside(on, "books")["actions"], "it was not read back")
    assert on.run("helm", "-n", NAMESPACE, "test", "kw", "--timeout=3m")


def test_metrics_are_served(on: Cluster) -> None:
    port = f"http://{NAME}-metrics-pods:9469/metrics"
    read = f"import urllib.request; print(urllib.request.urlopen('{port}').read().decode())"
    until(
        lambda: (
            'kilowatch_readings_total{outcome="accepted"}' in on.kubectl("exec", "load", "--", "python", "-c", read)
        ),
        "no metrics",
    )


@pytest.mark.parametrize("part", [*SERVICES, "kafka", "postgresql"])
def test_a_process_that_is_killed_comes_back(on: Cluster, sender: object, part: str) -> None:
    flowing(on)
    victim = running(on, part)
    name, before = victim["metadata"]["name"], restarts(victim)
    kill(on, victim)
    took_s = until(lambda: restarts(again := running(on, part)) > before and is_ready(again), f"{name} is not back")
    say(f"kill -9 of {part}: ready again after {took_s:.0f} s, readings flow after {flowing(on):.0f} s more")


def kill(on: Cluster, victim: dict[str, Any]) -> None:
    """Kill a pod's process with -9 from outside of its container, where its own first process cannot be killed."""
    container = victim["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    socket = Path(on.environment.get("KUBECONFIG", "")).parent / "containerd.sock"
    if not socket.exists():
        pytest.skip("kill -9 of a container's first process needs the node itself: a cluster of our own")
    on.run("ctr", "-a", str(socket), "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", container)


@pytest.mark.parametrize("part", [*SERVICES, "kafka", "postgresql"])
def test_a_pod_that_is_deleted_by_force_is_replaced(on: Cluster, sender: object, part: str) -> None:
    flowing(on)
    victim = running(on, part)["metadata"]
    on.kubectl("delete", "pod", victim["name"], "--force", "--grace-period=0")
    took_s = until(lambda: (again := running(on, part))["metadata"]["uid"] != victim["uid"] and is_ready(again), part)
    say(f"forced deletion of {part}: ready again after {took_s:.0f} s, readings flow after {flowing(on):.0f} s more")


def test_an_upgrade_and_a_way_back_under_load(on: Cluster, sender: object) -> None:
    changed: dict[str, Any] = {"image__tag": NEXT.rpartition(":")[2]} if NEXT else {"pod__annotations": {"turn": "2"}}
    say(f"rolling upgrade under load: {helm(on, 'upgrade', **changed):.0f} s")
    flowing(on)
    on.run("helm", "-n", NAMESPACE, "rollback", "kw", "--wait", "--timeout=6m")
    say(f"rolled back, readings flow after {flowing(on):.0f} s")


def test_detectors_are_scaled_by_hand(on: Cluster, sender: object) -> None:
    on.kubectl("scale", f"deployment/{NAME}-detector", "--replicas=4")
    took_s = until(lambda: sum(map(is_ready, on.objects("pod", "app.kubernetes.io/component=detector"))) == 4, "4 pods")
    say(f"1 to 4 detectors: all ready after {took_s:.0f} s")
    flowing(on)
    on.kubectl("scale", f"deployment/{NAME}-detector", "--replicas=1")


def test_other_plugs_are_switched_once_whoever_was_killed(on: Cluster, sender: object) -> None:
    inside(on, "odd", "home1", "home2", "home3")
    kill(on, running(on, "actor"))
    until(lambda: all(offs(on)[number] for number in (1, 2, 3)), f"not all were switched off: {offs(on)}", 180)
    assert set(offs(on).values()) == {1}, "a plug was switched off twice"


def test_nothing_was_lost_and_nothing_told_twice(on: Cluster, sender: subprocess.Popen[str]) -> None:
    on.kubectl("exec", "load", "--", "touch", "/tmp/stop")  # noqa: S108 - of the pod
    said, _ = sender.communicate(timeout=PATIENCE_S)
    sent = json.loads(said.splitlines()[-1])
    say(f"sent: {sent}")
    on.kubectl("scale", f"deployment/{NAME}-processor", "--replicas=0")
    found: dict[str, Any] = {}

    def is_even() -> bool:
        found.update(inside(on, "count"))
        return found["events"] == found["events_expected"]

    until(is_even, f"detectors have told something else: {found}", 120)
    say(f"counted: {found}")
    assert found["found"] == sent["accepted"], "accepted readings were lost"
    assert (found["events_lost"], found["events_doubled"], found["events_other"]) == (0, 0, 0)
    until(lambda: inside(on, "books")["as_told"], "the database has other incidents", 120)
    assert set(offs(on).values()) == {1}


VERBS = ("get", "list", "create", "delete", "patch")
THINGS = ("pods", "secrets", "configmaps", "deployments", "pods/exec", "nodes", "serviceaccounts/token")


def test_the_account_may_do_nothing(on: Cluster) -> None:
    account = f"system:serviceaccount:{NAMESPACE}:{NAME}"
    allowed = []
    for thing in THINGS:
        for verb in VERBS:
            words = [*on.before, "kubectl", "-n", NAMESPACE, "auth", "can-i", verb, thing, f"--as={account}"]
            asked = subprocess.run(words, capture_output=True, text=True, check=False, env=on.environment)
            if asked.stdout.strip() != "no":
                allowed.append((verb, thing))
    assert allowed == []


def test_what_is_not_restricted_is_refused(on: Cluster) -> None:
    root = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "a", "image": IMAGE}]},
    }
    with pytest.raises(AssertionError, match="restricted"):
        on.apply(root)


def test_uninstalling_leaves_what_was_learnt(on: Cluster) -> None:
    on.run("helm", "-n", NAMESPACE, "uninstall", "kw", "--wait", "--timeout=5m")
    assert not on.objects("deployment")
    assert len(on.objects("persistentvolumeclaim")) == 2, "the claims of Kafka and PostgreSQL stay"
