"""The chart on a real Kubernetes, with real Kafka and PostgreSQL in pods: works, heals, upgrades, scales, may little.

Tests share one cluster and one release and build on each other, in order; readings flow all the time.
"""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from cluster.bed import (
    IMAGE,
    NAME,
    NAMESPACE,
    WITH_WEB,
    Cluster,
    ask,
    helm,
    introduce,
    is_ready,
    kill,
    leave,
    newer_image,
    pod,
    pods,
    restarts,
    say,
    until,
)
from cluster.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]
SERVICES = ("registry", "processor", "detector", "metrics", "actor", *(["web"] if WITH_WEB else []))
VICTIMS = (*SERVICES, "kafka", "postgresql")
SLOW_S, FAST_S = "0.3", "0.0"


@pytest.fixture(scope="module")
def on(bare: Cluster) -> Iterator[Cluster]:
    """Give a cluster with the chart installed, a pod that loads and a pod that is plugs."""
    introduce(bare)
    say(f"installed and ready after {helm(bare, 'upgrade', '--install'):.0f} s")
    plugs = pod(bare, "plugs")
    pod(bare, "load", PUSH=f"{NAME}-push")
    ask(bare, "introduce", plugs)
    ask(bare, "begin")
    yield bare
    leave(bare)


@pytest.fixture(scope="module")
def faults(on: Cluster) -> Iterator[Faults]:
    """Give the book of faults, printed in the end."""
    made = Faults(on)
    yield made
    made.write()


def all_ready(on: Cluster, part: str, count: int = 1) -> bool:
    """Whether exactly so many pods of a part are there, and ready."""
    found = pods(on, part)
    return len(found) == count and all(map(is_ready, found))


def rate(on: Cluster, over_s: float = 15.0) -> float:
    """Push as fast as it goes for a while and return how many readings a second were accepted."""
    ask(on, "pace", FAST_S)
    began, before = time.monotonic(), sum(ask(on, "seen").values())
    time.sleep(over_s)
    found = (sum(ask(on, "seen").values()) - before) / (time.monotonic() - began)
    ask(on, "pace", SLOW_S)
    return found


def test_a_reading_becomes_an_incident_and_a_switched_plug(on: Cluster, faults: Faults) -> None:
    home = next(faults.homes)
    ask(on, "odd", f"home{home}")
    faults.note(f"odd readings pushed to a plug switched off: {faults.wait_for_off(home):.1f} s")
    until(lambda: [f"home{home}", "confirmed"] in ask(on, "actions"), "it was not read back")
    assert faults.offs(home) == 1
    assert on.helm("test", "kw", "--timeout=3m")


def test_metrics_are_served(on: Cluster) -> None:
    name = 'kilowatch_readings_total{outcome="accepted"}'
    until(lambda: ask(on, "scrape", f"{NAME}-metrics-pods:9469", name).get(name), "no metrics")


@pytest.mark.parametrize("part", VICTIMS)
def test_a_process_that_is_killed_comes_back(on: Cluster, faults: Faults, part: str) -> None:
    (victim,) = pods(on, part)
    with faults.row(f"kill -9 of {part}"):
        kill(on, victim)
        until(lambda: all_ready(on, part) and restarts(pods(on, part)[0]) > restarts(victim), f"{part} is not back")


@pytest.mark.parametrize("part", VICTIMS)
def test_a_pod_that_is_deleted_by_force_is_replaced(on: Cluster, faults: Faults, part: str) -> None:
    (victim,) = pods(on, part)
    # A broker without copies that is stopped by force in the middle of its own shutdown may lose its last mark of a
    # transaction, which was seen: its coordinator had it committed, and the partition's file ended before it.
    with faults.row(f"pod of {part} deleted by force", may_double=part == "kafka"):
        on.kubectl("delete", "pod", victim["metadata"]["name"], "--force", "--grace-period=0")
        until(lambda: all_ready(on, part) and pods(on, part)[0]["metadata"]["uid"] != victim["metadata"]["uid"], part)


def test_an_upgrade_and_a_way_back_under_load(on: Cluster, faults: Faults) -> None:
    with faults.row("rolling upgrade to a newer version"):
        helm(on, "upgrade", image__tag=newer_image().rpartition(":")[2])
    assert {one["spec"]["containers"][0]["image"] for part in SERVICES for one in pods(on, part)} == {newer_image()}
    with faults.row("rolled back"):
        on.helm("rollback", "kw", "--wait", "--timeout=6m")
    assert {one["spec"]["containers"][0]["image"] for part in SERVICES for one in pods(on, part)} == {IMAGE}


def owners(on: Cluster) -> dict[str, int]:
    """Count the partitions that each detector's pod says it took over."""
    names = [one["metadata"]["name"] for one in pods(on, "detector")]
    logs = {name: on.kubectl("logs", name, "-c", "detector") for name in names}
    return {name: len({line.split("IoTDevices/")[1][0] for line in log.splitlines() if "is ours after" in line})
            for name, log in logs.items()}  # fmt: skip


def test_detectors_are_scaled_by_hand(on: Cluster, faults: Faults) -> None:
    faults.note(f"1 detector: {rate(on):.0f} readings/s accepted, all told after {ask(on, 'check', '120')['took_s']} s")
    with faults.row("1 to 4 detectors by hand"):
        on.kubectl("scale", f"deployment/{NAME}-detector", "--replicas=4")
        until(lambda: all_ready(on, "detector", 4), "4 pods")
    assert all(owners(on).values()), "a pod has no partition"
    faults.note(
        f"4 detectors: {rate(on):.0f} readings/s accepted, all told after {ask(on, 'check', '120')['took_s']} s"
    )
    with faults.row("4 to 1 detectors by hand"):
        on.kubectl("scale", f"deployment/{NAME}-detector", "--replicas=1")
        until(lambda: all_ready(on, "detector"), "1 pod")


def test_detectors_are_scaled_by_an_autoscaler(on: Cluster, faults: Faults) -> None:
    if "metrics.k8s.io" not in on.run("kubectl", "api-versions"):
        pytest.skip("no metrics-server: scripts/cluster/build.sh metrics-server")
    scaling = {"enabled": True, "minReplicas": 1, "maxReplicas": 4, "targetCPUPercent": 70}
    with faults.row("1 to 4 detectors by an autoscaler on CPU"):
        helm(on, "upgrade", detector__autoscaling=scaling)
        ask(on, "pace", FAST_S)
        until(lambda: all_ready(on, "detector", 4), "the autoscaler added no pods")
        ask(on, "pace", SLOW_S)
    (scaler,) = on.objects("hpa")
    faults.note(f"the autoscaler saw {scaler['status']['currentMetrics'][0]['resource']['current']}")
    assert all(owners(on).values()), "a pod has no partition"


def test_it_is_uninstalled_and_installed_again_under_load(on: Cluster, faults: Faults) -> None:
    with faults.row("uninstalled, and installed again on the claims that stay", may_expire=True):
        on.helm("uninstall", "kw", "--wait", "--timeout=5m")
        assert not on.objects("deployment")
        assert len(on.objects("persistentvolumeclaim")) == 2, "the claims of Kafka and PostgreSQL stay"
        helm(on, "install")


def test_nothing_was_lost_and_nothing_told_twice(on: Cluster, faults: Faults) -> None:
    faults.note(f"sent: {ask(on, 'end')}")
    found = ask(on, "check", "120")
    faults.note(f"counted: {found}")
    assert (found["lost"], found["untold"], found["told_twice"] + found["told_otherwise"]) == (0, 0, faults.twice)
    assert {f"house{number}" for number in range(6)} <= set(found["opened"]), "a house had no incident"
    until(lambda: ask(on, "books")["as_told"], "the database has other incidents", 120)
    name = 'kilowatch_readings_total{outcome="accepted"}'
    until(lambda: counted(on, name) == found["kept"], f"other readings were counted than {found['kept']}", 120)


def counted(on: Cluster, name: str) -> float:
    return float(ask(on, "scrape", f"{NAME}-metrics-pods:9469", name).get(name, -1.0))


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


def test_no_pod_holds_a_token_of_the_account(on: Cluster) -> None:
    held = [
        one["metadata"]["name"] for one in on.objects("pod") if one["spec"].get("automountServiceAccountToken", True)
    ]
    assert held == []


def test_what_is_not_restricted_is_refused(on: Cluster) -> None:
    container = {"name": "a", "image": IMAGE}
    root = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": {"containers": [container]}}
    with pytest.raises(AssertionError, match="restricted"):
        on.apply(root)
