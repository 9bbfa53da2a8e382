"""What people ask of an edge that takes long: a switch, a rehearsal. Carried out for as long as a block runs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.app.actor.switching import Switching
from kilowatch.app.jobs import JobRunner
from kilowatch.app.rehearsing import Rehearsing, reporting
from kilowatch.app.words import PeoplesWords
from kilowatch.core.device import ActsBy
from kilowatch.core.jobs import JobKind
from kilowatch.links.wall import WallClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kilowatch.app.edge.edge import EdgeParts
    from kilowatch.app.plug_book import PlugBook


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsal looks back on: the edge's snapshots, judged by a detector that learns for so many days."""

    snapshots: Path
    detector: str
    learning_days: float


@contextmanager
def asked(parts: EdgeParts, plugs: PlugBook, clock: Callable[[], int], of: Rehearsed) -> Iterator[PeoplesWords]:
    """Carry out what is asked while the block runs, and give the way to ask it. clock: the home's time, ms UTC."""
    stop = threading.Event()
    switching = Switching(parts.database, plugs, clock, WallClock(), ActsBy.EDGE)
    rehearsing = Rehearsing(of.snapshots, of.detector, of.learning_days, stop, reporting(parts.database))
    jobs = JobRunner(parts.database, {JobKind.SWITCH: switching, JobKind.REHEARSE: rehearsing})
    jobs.start()
    try:
        yield PeoplesWords(parts.database, parts.registry, clock, list(JobKind), woken=jobs.wake)
    finally:
        # Before the jobs end, for a rehearsal gives up only when it sees this.
        stop.set()
        jobs.stop()
