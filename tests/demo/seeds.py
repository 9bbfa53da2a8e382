"""What became of a demo with a seed: quiet, with faults over HTTP, dry, and faults through the pipeline alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from demo.theatre import calls_of, played
from kilowatch.app.edge.build import BuiltEdge, build_edge
from kilowatch.app.stores import DataFolder
from kilowatch.demo import stage
from kilowatch.demo.catalogue import QUICK, dashed
from kilowatch.demo.learnt import DETECTOR, edge_settings, plug_readings
from kilowatch.demo.live import Cue, LiveDemo, Staging
from kilowatch.detectors.registry import create
from kilowatch.sim.faults import Fault, FaultSpec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kilowatch.core.outputs_live import DemoOutput

SEEDS = range(1, 11)
PROTECTED = frozenset({"fridge", "freezer", "router"})
SOON_MIN = 30
"""Faults that are promised within a minute of ours are played over HTTP: the others would take minutes."""
QUIET_S, MOST_S, LINGERS_S = 60.0, 75.0, 15.0
"""What is promised within 30 min of the home has a minute of ours after its cue; an off comes some windows later."""
MINUTE_MS, DAY_MIN = 60_000, 24 * 60


@dataclass(frozen=True, slots=True)
class Performance:
    """One demo over HTTP. delays_s: ours, from a fault's cue to its incident, None where it was not found.

    calls: how often each plug was told to switch, by its own log.
    """

    staging: Staging
    delays_s: dict[str, float | None]
    calls: dict[str, int]
    output: DemoOutput

    @property
    def called(self) -> dict[str, int]:
        """The plugs that were told to switch."""
        return {device: count for device, count in self.calls.items() if count}


def cues(seed: int, count: int) -> tuple[Cue, ...]:
    """Named faults, each of another device, at random moments of the first seconds."""
    rng = np.random.default_rng(seed)
    fitting = sorted((device, dashed(fault)) for (device, fault), minutes in QUICK.items() if minutes <= SOON_MIN)
    chosen: dict[str, str] = {}
    for place in rng.permutation(len(fitting)).tolist():
        chosen.setdefault(*fitting[place])
    return tuple(Cue(float(rng.uniform(1.0, 10.0)), device, fault) for device, fault in list(chosen.items())[:count])


def performed(folder: Path, state: bytes, staging: Staging, most_s: float = MOST_S) -> Performance:
    """Play until everything that goes wrong has been told, and a little longer; without faults to the end."""
    told: dict[str, float] = {}
    last = [most_s]

    def is_over(live: LiveDemo) -> bool:
        for device, at_s in found(live).items():
            told.setdefault(device, at_s)
        if staging.cues and {cue.device for cue in staging.cues} <= set(told):
            last[0] = min(last[0], live.elapsed_s() + LINGERS_S)
        return live.elapsed_s() > last[0]

    live = played(folder, state, staging, most_s, is_over)
    delays = {cue.device: round(told[cue.device] - cue.at_s, 1) if cue.device in told else None for cue in staging.cues}
    return Performance(staging, delays, calls_of(live), live.output())


def found(live: LiveDemo) -> dict[str, float]:
    """Return the seconds of ours from the start until each device's incident was told."""
    with live.built.parts.database.read() as transaction:
        known = transaction.incidents.between(stage.LIVE_FROM_MS - stage.DAY_MS, 2**60)
    return {one.event.device: (one.opened_ms - stage.LIVE_FROM_MS) / 1000 / stage.SPEED for one in known}


def random_minute(seed: int) -> int:
    """Return a minute of the demo's first day."""
    return int(np.random.default_rng(seed).integers(5, DAY_MIN))


def delay_min(
    folder: Path, state: bytes, fault: tuple[str, Fault], seed: int, at_min: int, within_min: int
) -> float | None:
    """Let a fault begin at a minute of the home and return the minutes until it is told, None where it is not.

    Through the demo's own pipeline and state without plugs: a day of the home would be most of an hour of ours.
    """
    device, name = fault
    home = stage.home_of(seed, stage.LIVE_FROM_MS // stage.DAY_MS * stage.DAY_MS - stage.DAY_MS)
    at_ms = stage.LIVE_FROM_MS + at_min * MINUTE_MS
    built = _opened(folder, state)
    try:
        pipeline = built.parts.subject.pipeline
        faults = [FaultSpec(name, device, at_ms)]
        for batch in plug_readings(home, pipeline.fleet, at_ms + within_min * MINUTE_MS, faults, stage.LIVE_FROM_MS):
            for event in pipeline.step(batch).events:
                if event.device == device and event.ts_ms >= at_ms:
                    return round((event.ts_ms - at_ms) / MINUTE_MS, 1)
    finally:
        built.close()
    return None


def named(all_of_them: Iterable[Cue]) -> str:
    """Return what goes wrong in words."""
    return ", ".join(f"{cue.device} {cue.fault} at {cue.at_s:.1f} s" for cue in all_of_them)


def _opened(folder: Path, state: bytes) -> BuiltEdge:
    built = build_edge(DataFolder(folder), create(DETECTOR), lambda: stage.LIVE_FROM_MS, edge_settings())
    built.parts.subject.load(state)
    return built
