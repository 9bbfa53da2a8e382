"""A small house for the tests of web: a database with devices and incidents, a real pipeline, a server."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import msgspec

from app.homes import START_MS, home
from core.messages import EVENT
from kilowatch.app.pipeline import Pipeline, StepResult
from kilowatch.app.registry import Registry
from kilowatch.app.words import PeoplesWords
from kilowatch.core.device import ActsBy, DeviceRecord, Fleet, Kind, Stage
from kilowatch.core.events import EventKind
from kilowatch.core.jobs import JobKind
from kilowatch.detectors.registry import create
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.history import EdgeHistory
from kilowatch.links.memory import MemoryHistory
from kilowatch.observability import Metrics
from kilowatch.web.access import Key, Keys, Role
from kilowatch.web.api.app import Api, app_of
from kilowatch.web.api.here import Here
from kilowatch.web.house import House, HouseSettings
from kilowatch.web.live import LiveBook
from kilowatch.web.server import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.core.reading import ReadingBatch

HOUR_MS = 3_600_000
NOW_MS = START_MS + 12 * HOUR_MS
TOKENS = {role: f"{role}-token-of-a-test" for role in Role}
SLASHED = "kitchen/kettle 1"
ODD = msgspec.structs.replace(
    EVENT,
    id="odd-heater",
    site="home",
    device="heater",
    kind=EventKind.OPENED,
    ts_ms=NOW_MS - HOUR_MS,
    first_ms=NOW_MS - HOUR_MS,
    last_ms=NOW_MS - HOUR_MS // 2,
    score=1.8,
)
OVER = msgspec.structs.replace(
    ODD, id="over-meter", device="meter", kind=EventKind.CLEARED, first_ms=NOW_MS - 3 * HOUR_MS, ts_ms=NOW_MS - HOUR_MS
)


def records() -> list[DeviceRecord]:
    """A meter, an armed heater, a lamp that learns, a fridge, and a kettle with a slash in its name."""
    return [
        DeviceRecord(site="home", device="meter", kind=Kind.METER, interval_s=30.0, protected=False),
        DeviceRecord(
            site="home",
            device="heater",
            kind=Kind.HEATER,
            interval_s=10.0,
            protected=False,
            stage=Stage.ARMED,
            acts_by=ActsBy.EDGE,
            plug="shelly2://127.0.0.1/0",
        ),
        DeviceRecord(site="home", device="lamp", kind=Kind.LAMP, interval_s=900.0, protected=False),
        DeviceRecord(site="home", device="fridge", kind=Kind.FRIDGE, plug="shelly2://127.0.0.1/1"),
        DeviceRecord(site="home", device=SLASHED, kind=Kind.KETTLE, protected=False, stage=Stage.WATCHING),
    ]


@dataclass
class Rooms:
    """What a page stands on."""

    folder: Path
    database: Database
    history: EdgeHistory
    live: LiveBook
    pipeline: Pipeline
    registry: Registry
    words: PeoplesWords
    house: House
    here: Here
    stop: threading.Event = field(default_factory=threading.Event)

    def step(self, batch: ReadingBatch) -> StepResult:
        result = self.pipeline.step(batch)
        self.live.stepped(result)
        return result

    def app(self) -> Api:
        keys = [Key.of(str(role), role, token) for role, token in TOKENS.items()]
        return app_of(self.here, Keys(keys))

    def close(self) -> None:
        self.history.close()
        self.database.close()


def pipeline_of(devices: list[DeviceRecord]) -> Pipeline:
    return Pipeline(Fleet(devices), create("fleet"), MemoryHistory())


def rooms_in(folder: Path, kinds: tuple[JobKind, ...] = tuple(JobKind)) -> Rooms:
    """Return a house in which half a day has passed; nobody carries jobs out."""
    url = f"sqlite:///{folder / 'kilowatch.db'}"
    database = Database(DatabaseSettings(url, survives_power_cut=False))
    database.upgrade()
    registry, live = Registry(database), LiveBook()
    registry.meet(records(), START_MS)
    registry.project([ODD, OVER])
    pipeline = pipeline_of(records())
    live.watch(pipeline.fleet, pipeline.curriculum, pipeline.judge.thresholds, pipeline.staleness)
    history = EdgeHistory(folder / "history")
    words = PeoplesWords(database, registry, lambda: NOW_MS, kinds)
    house = House(live, database, history, words, lambda: NOW_MS, settings=HouseSettings(fresh_s=0.0))
    here = Here(house, words, Metrics().exposition)
    rooms = Rooms(folder, database, history, live, pipeline, registry, words, house, here)
    rooms.step(home(0.5))
    return rooms


@contextmanager
def serving(rooms: Rooms) -> Iterator[str]:
    """Serve the API on loopback and give its address."""
    with served(rooms.app(), rooms.here, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


def caller(address: str, role: Role | None) -> httpx.Client:
    """Return who calls with a role's token, or without any."""
    headers = {} if role is None else {"Authorization": f"Bearer {TOKENS[role]}"}
    return httpx.Client(base_url=address, headers=headers, timeout=20.0, trust_env=False)
