"""A small home's days as messages, an edge in a folder that they go through, and lives of it that end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from app.homes import START_MS, fleet
from kilowatch.app.edge.build import BuiltEdge, EdgeSettings, Hand, build_edge
from kilowatch.app.edge.edge import EdgeTempo
from kilowatch.app.ingest import encode_batch
from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.stores import DataFolder
from kilowatch.core.device import ActsBy
from kilowatch.core.events import WIRE_V, IncidentEvent, Tick
from kilowatch.core.learning import LearningPlan
from kilowatch.core.policy import PolicyRules
from kilowatch.detectors.registry import create
from kilowatch.links.database import DatabaseSettings
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kilowatch.app.edge.build import Ground
    from kilowatch.app.edge.edge import Listener
    from kilowatch.app.edge.tap import Tap
    from kilowatch.core.reading import ReadingBatch

MINUTE_MS = 60_000


@dataclass
class StageClock:
    ms: int = START_MS

    def __call__(self) -> int:
        return self.ms


def messages(home: ReadingBatch, every_ms: int = 20 * MINUTE_MS) -> list[tuple[int, bytes]]:
    """A home's readings in batches of some minutes, with a tick after each: when it comes, and what."""
    devices = fleet()
    out = []
    for end_ms in range(START_MS + every_ms, int(home.ts_ms.max()) + every_ms, every_ms):
        part = home.take((home.ts_ms >= end_ms - every_ms) & (home.ts_ms < end_ms))
        out += [(end_ms, message) for _, message in encode_batch(part, devices)]
        out.append((end_ms, msgspec.json.encode(Tick(v=WIRE_V, received_ms=end_ms))))
    return out


def assembled(
    folder: Path,
    clock: StageClock,
    hand: Hand | None = None,
    detector: str = "fleet",
    policy: PolicyRules | None = None,
    listeners: tuple[Listener, ...] = (),
    taps: Callable[[Ground], tuple[Tap, ...]] = lambda _: (),
) -> BuiltEdge:
    """An edge that knows its devices and has not begun."""
    settings = EdgeSettings(
        pipeline=PipelineSettings(plan=LearningPlan(learning_days=2.0, refit_days=2.0)),
        policy=policy or PolicyRules(side=ActsBy.EDGE),
        database=DatabaseSettings(f"sqlite:///{folder / 'kilowatch.db'}", survives_power_cut=False),
        tempo=EdgeTempo(wait_s=0.0, words_s=0.0),
    )
    built = build_edge(DataFolder(folder), create(detector), clock, settings, hand, listeners, taps)
    for record in fleet().records:
        built.parts.registry.meet([record], START_MS)
    return built


def opened(folder: Path, clock: StageClock, hand: Hand | None = None, detector: str = "fleet") -> BuiltEdge:
    built = assembled(folder, clock, hand, detector)
    built.edge.open()
    return built


def live(built: BuiltEdge, clock: StageClock, what: list[tuple[int, bytes]], turn_every: int = 1) -> None:
    """Let messages come, a turn after each few of them."""
    for number, (ts_ms, message) in enumerate(what):
        clock.ms = ts_ms
        built.parts.log.send(Topic.DEVICES, "home", message)
        if number % turn_every == 0:
            built.edge.turn()
    while built.edge.turn():
        pass


def incidents(built: BuiltEdge) -> list[IncidentEvent]:
    with built.parts.database.read() as transaction:
        known = transaction.incidents.between(0, 2**60)
    return sorted((one.event for one in known), key=lambda event: (event.first_ms, event.id))
