"""deploy/compose.yaml as it stands, all of it but Grafana and Mosquitto: up, readings in, an incident out, and away."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from components.fixtures import needing_components
from deploy.composed import TOKEN, Stack, stack
from deploy.scraping import ask, waits

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.container, pytest.mark.timeout(1800)]
OURS = ("registry", "processor", "detector", "metrics", "actor", "web")
DAYS, A_DAY, STEP_MS, ODD = 8, 2880, 30_000, 60
"""A device is learnt for seven days, as the file's settings have it; then for half an hour it is odd."""
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    """Give the stack, up, for the tests of this file."""
    with needing_components() as folder:
        made = stack(folder)
        began = time.monotonic()
        try:
            made.up()
            sys.stdout.write(f"\nall services of compose.yaml are healthy after {time.monotonic() - began:.0f} s\n")
            yield made
        finally:
            made.down()


def days() -> Iterator[dict[str, Any]]:
    """Yield a fridge's readings, a message a day; it ends now, at 2,600 W."""
    end_ms = time.time_ns() // 1_000_000
    power_w = [(95.0 if number % 80 < 30 else 2.0) + number % 7 for number in range(DAYS * A_DAY)]
    power_w[-ODD:] = [2600.0] * ODD
    for first in range(0, len(power_w), A_DAY):
        numbers = range(first, first + A_DAY)
        yield {
            "v": 1,
            "site": "home",
            "device": ["fridge"] * A_DAY,
            "ts_ms": [end_ms - (len(power_w) - 1 - number) * STEP_MS for number in numbers],
            "power_w": power_w[first : first + A_DAY],
        }


def told(on: Stack, path: str) -> Any:
    return httpx.get(f"{on.url('WEB_PORT')}/api/v1/{path}", headers=HEADERS, timeout=30, trust_env=False).json()


def test_each_service_is_healthy_and_locked(running: Stack) -> None:
    for service in OURS:
        found = running.inspect(service)
        assert (found["State"]["Running"], found["RestartCount"]) == (True, 0), service
        assert running.is_healthy(service)
        assert found["HostConfig"]["ReadonlyRootfs"]
        assert found["EffectiveCaps"] in (None, [])


def test_readings_that_are_pushed_come_out_as_a_device_and_an_incident(running: Stack) -> None:
    url = f"{running.url('PUSH_PORT')}/v1/readings"
    assert httpx.post(url, json={}, timeout=60, trust_env=False).status_code == 401
    for day in days():
        assert httpx.post(url, json=day, headers=HEADERS, timeout=60, trust_env=False).status_code == 204

    def odd() -> list[dict[str, Any]]:
        events = [card["incident"]["event"] for card in told(running, "incidents")["incidents"]]
        return [event for event in events if event["rule"] != "stale"]

    assert {event["device"] for event in waits(odd)} == {"fridge"}, running.logs()
    (fridge,) = waits(lambda: told(running, "overview")["devices"])
    assert fridge["device"] == "fridge"
    with httpx.Client(timeout=60, trust_env=False, follow_redirects=True) as browser:
        page = browser.get(running.url("WEB_PORT"), params={"token": TOKEN})
    assert page.is_success
    assert (page.url.path, page.url.query) == ("/", b""), "the token is kept, and goes from the address"


def test_prometheus_scrapes_every_service_and_knows_its_rules_and_its_alertmanager(running: Stack) -> None:
    def found(query: str) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = ask(running.url("PROMETHEUS_PORT"), "query", query=query)["result"]
        return told

    assert waits(lambda: len(found("up == 1")) == len(OURS)), found("up")
    assert waits(lambda: found("sum(kilowatch_scored_samples_total) > 0"))
    assert waits(lambda: found('sum(kilowatch_readings_total{outcome="accepted"}) >= 20000')), found(
        "kilowatch_readings_total"
    )
    assert ask(running.url("PROMETHEUS_PORT"), "rules")["groups"]
    assert waits(lambda: ask(running.url("PROMETHEUS_PORT"), "alertmanagers")["activeAlertmanagers"])
    ready = httpx.get(f"{running.url('ALERTMANAGER_PORT')}/-/ready", timeout=30, trust_env=False)
    assert ready.is_success


def test_it_goes_and_leaves_nothing(running: Stack) -> None:
    assert len(running.left()["container"]) == len(running.services)
    running.down()
    assert running.left() == {"container": [], "volume": [], "network": []}
