"""The chart's one pod of `kilowatch run` on a real Kubernetes: takes readings, keeps what it knows on its volume."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cluster.bed import (
    CHART,
    IMAGE,
    WITHIN,
    Cluster,
    is_ready,
    kill,
    leave,
    pods,
    restarts,
    restricted,
    say,
    secrets,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SETTINGS = "/etc/kilowatch/kilowatch.toml"
VALUES: dict[str, Any] = {
    "mode": "single",
    "image": dict(zip(("repository", "tag"), IMAGE.rsplit(":", 1), strict=True)),
    "secretEnv": {"KILOWATCH_SOURCES__PUSH__TOKEN": {"name": "kilowatch", "key": "push"}},
    "config": {
        "site": {"name": "home", "time_zone": "UTC"},
        "sources": {"push": {"enabled": True}},
        "detector": {"name": "jump", "learning_days": 1},
    },
}
OPTIONS = [word for name, value in VALUES.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]


@pytest.fixture(scope="module")
def on(bare: Cluster) -> Iterator[Cluster]:
    """Give a namespace of its own with the release in it, whose secret is not there yet."""
    found = replace(bare, namespace="home")
    restricted(found)
    found.helm("install", "home", str(CHART), *OPTIONS)
    yield found
    leave(found)


def told(on: Cluster, *words: str) -> Any:
    """Ask kilowatch in its pod."""
    return json.loads(on.kubectl("exec", "home-kilowatch-0", "--", "kilowatch", *words, "--json", "-c", SETTINGS))


def ready_after(on: Cluster, uid: str = "") -> float:
    """Wait until the one pod is ready, another than that of the uid, and return how long that took, s."""
    return until(
        lambda: any(is_ready(one) and one["metadata"]["uid"] != uid for one in pods(on, "single")), "it is not ready"
    )


def incident(on: Cluster) -> str:
    """Return the id of the one incident that the readings mean; a silence after them is another."""

    def found() -> list[str]:
        events = [one["event"] for one in told(on, "incident", "list")["incidents"]]
        return [event["id"] for event in events if event["rule"] == "jump"]

    until(found, "no incident", 60.0)
    (one,) = found()
    return one


def test_a_secret_that_is_missing_is_named_and_waited_for(on: Cluster) -> None:
    def waits_for() -> list[str]:
        states = [each["state"] for one in pods(on, "single") for each in one["status"].get("containerStatuses", [])]
        return [state["waiting"].get("message", "") for state in states if "waiting" in state]

    until(lambda: any('secret "kilowatch" not found' in why for why in waits_for()), "nobody says what is missing")
    secrets(on)
    say(f"single: ready {ready_after(on):.0f} s after its secret came")
    assert on.helm("test", "home", "--timeout=3m")


def test_there_is_one_of_it_and_it_may_not_be_more(on: Cluster) -> None:
    (made,) = on.objects("statefulset")
    assert (made["spec"]["replicas"], len(pods(on, "single"))) == (1, 1)
    with pytest.raises(AssertionError, match="additional properties 'replicas' not allowed"):
        on.helm("upgrade", "home", str(CHART), *OPTIONS, "--set", "single.replicas=2", "--dry-run=client")


def test_readings_that_are_pushed_become_an_incident(on: Cluster) -> None:
    script = (WITHIN / "home.py").read_text()
    words = ("exec", "-i", "home-kilowatch-0", "--", "python", "-", "home-kilowatch-push")
    assert on.kubectl(*words, given=script).strip() == "204"
    assert incident(on)
    assert [one["record"]["device"] for one in told(on, "device", "list")["devices"]] == ["heater"]


def test_what_it_knows_outlives_its_process_its_pod_and_its_release(on: Cluster) -> None:
    before = incident(on)
    (victim,) = pods(on, "single")
    kill(on, victim)
    until(lambda: restarts(pods(on, "single")[0]) > restarts(victim), "it was not started again")
    say(f"single: kill -9, ready again after {ready_after(on):.0f} s")
    assert incident(on) == before
    on.kubectl("delete", "pod", "home-kilowatch-0", "--force", "--grace-period=0")
    say(f"single: pod deleted by force, another ready after {ready_after(on, victim['metadata']['uid']):.0f} s")
    assert incident(on) == before
    on.helm("uninstall", "home", "--wait", "--timeout=3m")
    assert len(on.objects("persistentvolumeclaim")) == 1, "the claim stays"
    on.helm("install", "home", str(CHART), *OPTIONS, "--wait", "--timeout=4m")
    assert incident(on) == before
