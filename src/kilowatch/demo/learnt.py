"""What the demo's devices have learnt before the curtain rises, by the product's own code, kept for the next start."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from kilowatch.app.edge.build import EdgeSettings, build_edge
from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.app.snapshots import SNAPSHOT_V
from kilowatch.app.stores import DataFolder
from kilowatch.core.device import ActsBy
from kilowatch.core.learning import LearningPlan
from kilowatch.core.policy import PolicyRules
from kilowatch.core.reading import ReadingBatch
from kilowatch.demo import stage
from kilowatch.detectors.registry import create
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kilowatch.core.device import Fleet
    from kilowatch.sim.faults import FaultSpec
    from kilowatch.sim.home import Home

DETECTOR = "fleet"


def edge_settings(*, dry_run: bool = False) -> EdgeSettings:
    """Return the edge's settings, those it learnt under: four weeks first, then live."""
    return EdgeSettings(
        pipeline=PipelineSettings(plan=LearningPlan(learning_days=stage.LEARNT_DAYS)),
        policy=PolicyRules(side=ActsBy.EDGE, dry_run=dry_run),
    )


def cache_folder() -> Path:
    """Return where this user's programs keep what can be made again: KILOWATCH_CACHE, or the system's place."""
    chosen = os.environ.get("KILOWATCH_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "kilowatch"
    fallback = os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or fallback) / "kilowatch"


def learnt(count: Callable[[int], None], folder: Path | None = None) -> bytes:
    """Return the state of an edge that has lived through the learning days, from the cache where it is there.

    count: told how many readings were learnt from, in steps; never called where nothing had to be learnt.
    """
    place = (folder or cache_folder()) / "demo" / _key()
    kept = _kept(place)
    if kept is not None:
        return kept
    state = _learn(count)
    # A cache that cannot be kept costs the next start its learning, and nothing else.
    with suppress(OSError):
        SnapshotFiles(place).write(0, state)
    return state


def learning_readings() -> int:
    """Return about how many readings there are to learn from."""
    span_ms = stage.LIVE_FROM_MS - stage.LEARNT_FROM_MS
    return round(span_ms / 1000 / stage.INTERVAL_S * len(stage.PLAYERS))


def plug_readings(
    home: Home, fleet: Fleet, until_ms: int, faults: Sequence[FaultSpec] = (), since_ms: int | None = None
) -> Iterator[ReadingBatch]:
    """Yield a home's readings, a day at a time, as its plugs would have shown them: tenths of a watt, no register.

    The register of the home that was learnt in would not go on in the home that is watched.
    """
    hours: list[ReadingBatch] = []
    for hour in home.readings(fleet, until_ms, faults, since_ms):
        hours.append(hour)
        if len(hours) == 24:
            yield _as_plugs_show(home, fleet, hours, faults)
            hours = []
    if hours:
        yield _as_plugs_show(home, fleet, hours, faults)


def _as_plugs_show(home: Home, fleet: Fleet, hours: list[ReadingBatch], faults: Sequence[FaultSpec]) -> ReadingBatch:
    slot = np.concatenate([hour.slot for hour in hours])
    ts_ms = np.concatenate([hour.ts_ms for hour in hours])
    power_w = np.zeros(len(slot))
    for number, record in enumerate(fleet.records):
        own = slot == number
        power_w[own] = np.round(home.power_at(record.device, ts_ms[own], faults), 1)
    return ReadingBatch(slot, ts_ms, power_w)


def _learn(count: Callable[[int], None]) -> bytes:
    home = stage.home_of(stage.LEARNT_SEED, stage.LEARNT_FROM_MS)
    with tempfile.TemporaryDirectory(prefix="kilowatch-learning-") as folder:
        built = build_edge(DataFolder(Path(folder)), create(DETECTOR), lambda: stage.LIVE_FROM_MS, edge_settings())
        try:
            pipeline = built.parts.subject.pipeline
            for record in stage.records(home):
                pipeline.revise(record)
            for batch in plug_readings(home, pipeline.fleet, stage.LIVE_FROM_MS):
                pipeline.step(batch)
                count(len(batch))
            # What the learning days would have asked of an actor is of the past: nobody is asked.
            built.parts.asking.taken()
            return built.parts.subject.save()
        finally:
            built.close()


def _kept(place: Path) -> bytes | None:
    """Return what the cache holds, None where it is empty, torn, or of a layout that has changed since."""
    if not place.is_dir():
        return None
    for snapshot in SnapshotFiles(place).load():
        # The key does not know the code: a state whose layout has changed is refused by whoever loads it.
        if _fits(snapshot.packed):
            return snapshot.packed
    return None


def _fits(state: bytes) -> bool:
    with tempfile.TemporaryDirectory(prefix="kilowatch-learning-") as folder:
        built = build_edge(DataFolder(Path(folder)), create(DETECTOR), lambda: stage.LIVE_FROM_MS, edge_settings())
        try:
            built.parts.subject.load(state)
        except StateError:
            return False
        finally:
            built.close()
    return True


def _key() -> str:
    """Return a name for all that the state hangs on."""
    home = stage.home_of(stage.LEARNT_SEED, stage.LEARNT_FROM_MS)
    made_of = (version("kilowatch"), SNAPSHOT_V, DETECTOR, stage.LIVE_FROM_MS, stage.LEARNT_FROM_MS)
    described = msgspec.json.encode([repr(made_of), stage.records(home)])
    return hashlib.sha256(described).hexdigest()[:16]
