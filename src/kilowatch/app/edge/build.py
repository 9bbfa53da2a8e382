"""Puts the edge together in a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kilowatch.app.actor.actor import Actor
from kilowatch.app.edge.edge import Edge, EdgeParts, EdgeTempo
from kilowatch.app.edge.judge import Asking
from kilowatch.app.edge.world import EdgeWorld
from kilowatch.app.models.switch import ModelSwitch
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.registry import Registry
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.app.subject import Subject
from kilowatch.core.device import ActsBy, Fleet
from kilowatch.core.policy import PolicyRules
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.database.action_book import DatabaseActionBook
from kilowatch.links.edge_log import EdgeLog
from kilowatch.links.history import EdgeHistory
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.memory import MemoryHistory

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.actor.ports import Clock, Plugs, Tell
    from kilowatch.app.edge.edge import Listener
    from kilowatch.app.edge.intents import Intents
    from kilowatch.app.edge.tap import Tap
    from kilowatch.app.models.delivery import Delivery
    from kilowatch.app.stores import DataFolder
    from kilowatch.core.detector import Detector


@dataclass(frozen=True, slots=True)
class Hand:
    """What the actor needs of the world outside; clock: the one that plugs are called by."""

    plugs: Plugs
    tell: Tell
    clock: Clock


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """What a person chooses. database: None for SQLite in the folder.

    closes_apart: days of history are closed in a process of their own, for this one runs for months.
    """

    pipeline: PipelineSettings = field(default_factory=PipelineSettings)
    policy: PolicyRules = field(default_factory=lambda: PolicyRules(side=ActsBy.EDGE))
    database: DatabaseSettings | None = None
    tempo: EdgeTempo = field(default_factory=EdgeTempo)
    closes_apart: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """What taps stand on."""

    folder: DataFolder
    database: Database
    log: EdgeLog
    world: EdgeWorld


@dataclass(slots=True)
class BuiltEdge:
    """The edge, and what must be closed after it."""

    edge: Edge
    parts: EdgeParts
    models: Delivery | None = None

    def close(self) -> None:
        """Let go of threads, files and connections."""
        if self.models is not None:
            self.models.close()
        # Before what it speaks through: an action that is under way still tells its last steps by intents and taps.
        if self.parts.actor is not None:
            self.parts.actor.close()
        if self.parts.intents is not None:
            self.parts.intents.close()
        for tap in self.parts.taps:
            tap.close()
        self.parts.log.close()
        self.parts.history.close()
        self.parts.database.close()


def build_edge(
    folder: DataFolder,
    detector: Detector,
    clock: Callable[[], int],
    settings: EdgeSettings | None = None,
    hand: Hand | None = None,
    listeners: tuple[Listener, ...] = (),
    taps: Callable[[Ground], tuple[Tap, ...]] = lambda _: (),
    models: Callable[[Ground], Delivery] | None = None,
    intents: Callable[[Ground], Intents] | None = None,
) -> BuiltEdge:
    """Return the edge of a folder, not opened yet. clock: event time as it passes now, ms UTC.

    taps, models, intents: make what else takes the edge's log, what brings networks their models, and the cloud's word.
    """
    settings = settings or EdgeSettings()
    log = EdgeLog(folder.log, Topic.REJECTED)
    database = Database(settings.database or DatabaseSettings(f"sqlite:///{folder.database}"))
    # The edge is its own registry, which owns the schema.
    database.upgrade()
    asking = Asking(settings.policy)
    history = MemoryHistory(keep_ms=settings.pipeline.plan.horizon_ms)
    pipeline = Pipeline(Fleet(), detector, history, settings.pipeline, asking)
    world = EdgeWorld(database, pipeline, clock)
    ground = Ground(folder, database, log, world)
    delivery = None if models is None else models(ground)
    parts = EdgeParts(
        log=log,
        database=database,
        registry=Registry(database),
        subject=Subject(pipeline, history),
        asking=asking,
        snapshots=SnapshotFiles(folder.snapshots),
        world=world,
        history=EdgeHistory(folder.history, apart=settings.closes_apart),
        actor=None if hand is None else _actor(hand, database, world, settings.policy),
        listeners=listeners,
        taps=taps(ground),
        models=None if delivery is None else ModelSwitch(delivery, pipeline),
        intents=None if intents is None else intents(ground),
    )
    return BuiltEdge(Edge(parts, clock, settings.tempo), parts, delivery)


def _actor(hand: Hand, database: Database, world: EdgeWorld, rules: PolicyRules) -> Actor:
    return Actor(DatabaseActionBook(database), world, hand.plugs, hand.tell, hand.clock, rules)
