"""A demo with its page in a process of its own: `python stand.py PORT CACHE DATA`; it ends with its standard input."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from kilowatch.app.stores import DataFolder
from kilowatch.core.device import Kind, first_seen
from kilowatch.core.events import EventKind, Evidence, IncidentEvent, Severity
from kilowatch.core.shadow import ShadowCount, ShadowSpan, Verdicts
from kilowatch.demo import stage
from kilowatch.demo.learnt import learnt
from kilowatch.demo.live import LiveDemo, Staging
from kilowatch.demo.web import paged
from kilowatch.links.database.shadow import ShadowBook
from kilowatch.web.access import Key, Role

ADMIN, VIEWER = "admin-token-of-a-test", "viewer-token-of-a-test"
EVIL = """<img src=x onerror="window.owned=1">`${window.owned=1}`{{constructor.constructor('window.owned=1')()}}"""
EVIL_ID = "0123456789abcdef"
LIVE, CANDIDATE = "a1" * 32, "b2" * 32
_STEP_S = 0.25


def main() -> None:
    port, cache, data = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    over = threading.Event()
    threading.Thread(target=_until_told, args=(over,), daemon=True).start()
    keys = [Key.of("guest", Role.VIEWER, VIEWER)]
    state = learnt(lambda _: None, cache)
    with LiveDemo(DataFolder(data), state, Staging()) as live, paged(live, port, keys=keys, token=ADMIN) as address:
        _plant(live)
        live.begin()
        print(address, flush=True)  # noqa: T201 - tells the test that the door is open
        while not over.wait(_STEP_S):
            live.turn()


def _until_told(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def _plant(live: LiveDemo) -> None:
    """Add a device whose name and sentence are code, and an incident of it that stands open."""
    parts, now_ms = live.built.parts, live.clock()
    parts.registry.discover([first_seen(stage.SITE, EVIL, Kind.LAMP, time_zone=stage.TIME_ZONE)], now_ms)
    event = _incident(now_ms)
    with parts.database.begin() as transaction:
        transaction.incidents.project([event])
        ShadowBook(transaction.connection).add(*_differences(now_ms))
    parts.registry.choose_model(Kind.HEATER, LIVE, CANDIDATE)


def _differences(now_ms: int) -> tuple[list[ShadowCount], list[ShadowSpan]]:
    """Return what a candidate for heaters made of two days: once it saw alone what the live model did not."""
    whose = {"site": stage.SITE, "device": "heater", "live": LIVE, "model": CANDIDATE}
    day_ms, verdicts = stage.DAY_MS, Verdicts(agreed_odd=30, shadow_alone=12)
    count = ShadowCount(
        **whose, kind="heater", first_ms=now_ms - 2 * day_ms, last_ms=now_ms, samples=5760, verdicts=verdicts
    )
    alone, from_ms = Verdicts(shadow_alone=12), now_ms - day_ms
    span = ShadowSpan(
        **whose, from_ms=from_ms, to_ms=from_ms + 600_000, verdicts=alone, live_peak=0.71, shadow_peak=1.34
    )
    return [count], [span]


def _incident(now_ms: int) -> IncidentEvent:
    evidence = Evidence(phrase=EVIL, rule="level", peak=2.0, windows=3, bursts=1, muted=False, acknowledged=False)
    return IncidentEvent(
        v=1,
        id=EVIL_ID,
        version=1,
        site=stage.SITE,
        device=EVIL,
        rule="level",
        kind=EventKind.OPENED,
        ts_ms=now_ms,
        first_ms=now_ms - 60_000,
        last_ms=now_ms,
        severity=Severity.WARN,
        score=1.7,
        threshold=1.0,
        expected_low_w=0.0,
        expected_high_w=10.0,
        observed_w=40.0,
        sentence=EVIL,
        evidence=evidence,
        historical=False,
        model="",
    )


if __name__ == "__main__":
    main()
