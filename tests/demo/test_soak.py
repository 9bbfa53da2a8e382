"""Ten homes: quiet where nothing goes wrong, and every fault that the demo promises is found in time.

Quiet is watched live, over HTTP. Faults go through the same pipeline and state without plugs, since a random time of
the home's day would be a day of ours to wait for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from demo.theatre import calls_of, played
from kilowatch.app.edge.build import BuiltEdge, build_edge
from kilowatch.app.stores import DataFolder
from kilowatch.demo import stage
from kilowatch.demo.catalogue import QUICK
from kilowatch.demo.learnt import DETECTOR, edge_settings, plug_readings
from kilowatch.demo.live import Staging
from kilowatch.detectors.registry import create
from kilowatch.sim.faults import Fault, FaultSpec

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.core.events import IncidentEvent

SEEDS = range(1, 11)
MINUTE_MS = 60_000


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_ten_quiet_homes_bring_one_incident_at_most_and_no_action(tmp_path: Path, state: bytes) -> None:
    incidents = 0
    for seed in SEEDS:
        live = played(tmp_path / str(seed), state, Staging(seed, cues=()), 60.0)
        assert live.output().actions == 0
        assert not any(calls_of(live).values())
        incidents += live.output().incidents
    assert incidents <= 1


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("device", "fault"), sorted(QUICK))
def test_what_the_demo_promises_is_found_in_time(tmp_path: Path, state: bytes, device: str, fault: Fault) -> None:
    delays = [delay_min(tmp_path / str(seed), state, device, fault, seed) for seed in SEEDS]
    print(f"{device} {fault}: found after {delays} min, promised {QUICK[device, fault]}")  # noqa: T201 - what a soak run is for
    assert all(delay is not None and delay <= QUICK[device, fault] for delay in delays), delays


def delay_min(folder: Path, state: bytes, device: str, fault: Fault, seed: int) -> float | None:
    """Let a fault begin at a random minute of the first two hours; return the minutes until it is told."""
    home = stage.home_of(seed, stage.LIVE_FROM_MS // stage.DAY_MS * stage.DAY_MS - stage.DAY_MS)
    at_ms = stage.LIVE_FROM_MS + int(np.random.default_rng(seed).integers(5, 120)) * MINUTE_MS
    built = opened(folder, state)
    try:
        pipeline = built.parts.subject.pipeline
        told: list[IncidentEvent] = []
        until_ms = at_ms + 2 * QUICK[device, fault] * MINUTE_MS
        faults = [FaultSpec(fault, device, at_ms)]
        for batch in plug_readings(home, pipeline.fleet, until_ms, faults, stage.LIVE_FROM_MS):
            told += pipeline.step(batch).events
    finally:
        built.close()
    own = [event.ts_ms for event in told if event.device == device and event.ts_ms >= at_ms]
    return None if not own else round((min(own) - at_ms) / MINUTE_MS, 1)


def opened(folder: Path, state: bytes) -> BuiltEdge:
    built = build_edge(DataFolder(folder), create(DETECTOR), lambda: stage.LIVE_FROM_MS, edge_settings())
    built.parts.subject.load(state)
    return built
