"""The cluster that the tests live in, and a release of the chart in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

from cluster.kubenode import node
from cluster.kubenode.places import MissingClusterError, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "kilowatch"
WITHIN = Path(__file__).with_name("within")
IMAGE = os.environ.get("KILOWATCH_IMAGE", "localhost/kilowatch:test")
PARTS = ("localhost/kilowatch-kafka:test", "localhost/kilowatch-postgres:test")
WITH_WEB = bool(os.environ.get("KILOWATCH_WITH_WEB"))
NAME, NAMESPACE = "kw-kilowatch", "energy"
NEWER = "99.0.0"
HOMES = 40
"""Each fault has a home of its own, in which something is to be switched off while it happens."""
PATIENCE_S = 420.0
STARTED = time.monotonic()


def say(text: str) -> None:
    """Print a figure as it comes, for whoever waits."""
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", file=sys.__stderr__, flush=True)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Runs kubectl and helm where they reach the cluster. before: what brings them there. namespace: ours in it."""

    before: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    namespace: str = NAMESPACE

    def run(self, *words: str, given: str | None = None, timeout_s: float = PATIENCE_S) -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            [*self.before, *words], input=given, capture_output=True, text=True, check=False, env=self.environment,
            timeout=timeout_s,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr[-3000:]}{done.stdout[-1000:]}"
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        return subprocess.Popen([*self.before, *words], stdout=subprocess.PIPE, text=True, env=self.environment)

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """Run kubectl in our namespace."""
        return self.run("kubectl", "-n", self.namespace, *words, given=given)

    def helm(self, *words: str) -> str:
        """Run helm in our namespace."""
        return self.run("helm", "-n", self.namespace, *words)

    def objects(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        words = ["-l", selector] if selector else []
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, *words, "-o", "json"))["items"]
        return items

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or change objects."""
        self.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


@contextmanager
def cluster(images: list[str]) -> Iterator[Cluster]:
    """Give the cluster that KUBECONFIG names, which has to have the images already, or one of our own for a while."""
    if os.environ.get("KUBECONFIG"):
        yield Cluster()
        return
    at = places()
    try:
        at.check()
    except MissingClusterError as error:
        pytest.skip(str(error))
    try:
        began = time.monotonic()
        node.up(at)
        say(f"node ready after {time.monotonic() - began:.0f} s")
        node.load(at, images)
        say(f"images loaded after {time.monotonic() - began:.0f} s")
        yield Cluster(at.inside(), at.environment())
    finally:
        if not os.environ.get("KILOWATCH_KEEP_CLUSTER"):
            node.down(at)


def newer_image() -> str:
    """Return an image of a newer version: the one that KILOWATCH_NEXT_IMAGE names, or ours under another number."""
    named = os.environ.get("KILOWATCH_NEXT_IMAGE")
    if named or os.environ.get("KUBECONFIG"):
        return named or IMAGE
    name = IMAGE.rpartition(":")[0] + ":newer"
    file = f"""FROM {IMAGE}
USER 0
RUN sed -i 's/^Version: .*/Version: {NEWER}/' /opt/kilowatch/lib/python3*/site-packages/kilowatch-*.dist-info/METADATA
USER 10001:10001
"""
    subprocess.run(["podman", "--runtime=runc", "build", "-q", "-t", name, "-"], input=file, text=True, check=True)
    return name


def values(**changed: Any) -> list[str]:
    """Return the options that install the chart as the tests want it; more by path: detector__replicas=2."""
    repository, _, tag = IMAGE.rpartition(":")
    given: dict[str, Any] = {
        "mode": "services",
        "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
        "database": {"existingSecret": "kilowatch"},
        "postgresql": {"enabled": True, "image": PARTS[1]},
        "kafka": {"partitions": 4, "bundled": {"enabled": True, "image": PARTS[0], "writable": ["/tmp"]}},  # noqa: S108
        "secretEnv": {
            "KILOWATCH_SOURCES__PUSH__TOKEN": {"name": "kilowatch", "key": "push"},
            "KILOWATCH_WEB__TOKEN": {"name": "kilowatch", "key": "web"},
        },
        "web": {"enabled": WITH_WEB},
        "metrics": {"args": ["--save-s", "2"]},
        "detector": {"args": ["--snapshot-s", "5"], "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}},
        "config": {
            "sources": {"push": {"enabled": True}},
            "detector": {"name": "jump", "learning_days": 1},
            "policy": {"dry_run": False},
        },
    }
    options = [word for name, value in given.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]
    for path, value in changed.items():
        options += ["--set-json", f"{path.replace('__', '.')}={json.dumps(value)}"]
    return options


def helm(on: Cluster, action: str, *more: str, **changed: Any) -> float:
    """Install or upgrade the release, wait until all is ready, and return how long that took, s."""
    began = time.monotonic()
    on.helm(action, "kw", str(CHART), *values(**changed), "--wait", "--timeout=6m", *more)
    return time.monotonic() - began


def introduce(on: Cluster) -> None:
    """Make the namespace, the secret that the release names, and the code of our own pods."""
    restricted(on)
    secrets(on)
    code = {path.name: path.read_text() for path in WITHIN.glob("*.py")}
    on.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "within"}, "data": code})


def restricted(on: Cluster) -> None:
    """Make the namespace, which lets in only pods of the highest level of security."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": on.namespace, "labels": labels}}
    on.run("kubectl", "apply", "-f", "-", given=json.dumps(namespace))


def secrets(on: Cluster) -> None:
    """Make the secret that releases of the tests name."""
    secret = {"password": "trial", "push": "push-token", "web": "web-token"}
    on.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kilowatch"}, "stringData": secret})


def leave(on: Cluster) -> None:
    """Let the namespace go, so that whoever comes next has the machine for itself."""
    if not os.environ.get("KILOWATCH_KEEP_CLUSTER"):
        on.run("kubectl", "delete", "namespace", on.namespace, "--wait=false")


def pod(on: Cluster, name: str, **environment: str) -> str:
    """Run a pod of our image with a service's settings and a file of ours, wait until it runs, return its address."""
    (deployment,) = on.objects("deployment", "app.kubernetes.io/component=registry")
    spec = deployment["spec"]["template"]["spec"]
    container = spec["containers"][0]
    for key in ("args", "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        container.pop(key, None)
    container |= {"name": name, "command": ["python", f"/code/cluster/within/{name}.py"]}
    given = {"PYTHONPATH": "/code", "HOMES": str(HOMES)} | environment
    container["env"] += [{"name": key, "value": value} for key, value in given.items()]
    container["volumeMounts"].append({"name": "code", "mountPath": "/code/cluster/within"})
    spec["volumes"].append({"name": "code", "configMap": {"name": "within"}})
    spec |= {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    spec.pop("initContainers", None)
    metadata = {"name": name, "labels": {"app.kubernetes.io/instance": "kw", "role": name}}
    on.kubectl("delete", "pod", name, "--ignore-not-found", "--force", "--grace-period=0")
    on.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    on.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=180s")
    (made,) = on.objects("pod", f"role={name}")
    return str(made["status"]["podIP"])


def ask(on: Cluster, *words: str) -> Any:
    """Ask the pod that loads."""
    return json.loads(on.kubectl("exec", "load", "--", "python", "/code/cluster/within/ask.py", *words))


def until(condition: Callable[[], object], what: str, most_s: float = PATIENCE_S) -> float:
    """Wait for something, not for ever, and return how long it took, s."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < most_s, what
        time.sleep(0.5)
    return time.monotonic() - began


def pods(on: Cluster, part: str) -> list[dict[str, Any]]:
    """Return the pods of a part that are not on their way out."""
    found = on.objects("pod", f"app.kubernetes.io/component={part}")
    return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def is_ready(one: dict[str, Any]) -> bool:
    """Whether a pod is ready."""
    told = one["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in told)


def restarts(one: dict[str, Any]) -> int:
    """How often a pod's containers were started again."""
    return sum(int(each["restartCount"]) for each in one["status"].get("containerStatuses", []))


def kill(on: Cluster, victim: dict[str, Any]) -> None:
    """Kill a pod's process with -9 from outside of its container, where its own first process cannot be killed."""
    container = victim["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    socket = Path(on.environment.get("KUBECONFIG", "")).parent / "containerd.sock"
    if not socket.exists():
        pytest.skip("kill -9 of a container's first process needs the node itself: a cluster of our own")
    on.run("ctr", "-a", str(socket), "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", container)
