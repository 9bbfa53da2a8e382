"""The page of a demo that runs: the real page and API, with buttons that let things go wrong, on loopback."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kilowatch.app.actor.switching import Switching
from kilowatch.app.jobs import JobRunner
from kilowatch.app.rehearsing import Rehearsing, reporting
from kilowatch.app.words import PeoplesWords
from kilowatch.core.device import ActsBy
from kilowatch.core.jobs import JobKind
from kilowatch.demo import stage
from kilowatch.demo.learnt import DETECTOR
from kilowatch.errors import MissingExtraError
from kilowatch.links.wall import WallClock
from kilowatch.observability import Metrics
from kilowatch.web.access import Key, Keys, Role, new_token
from kilowatch.web.house import House, HouseSettings
from kilowatch.web.server import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kilowatch.demo.live import LiveDemo

VISITOR = "you"
_HERE = "127.0.0.1"


@contextmanager
def paged(
    live: LiveDemo, port: int = 0, *, dry_run: bool = False, keys: Sequence[Key] = (), token: str | None = None
) -> Iterator[str]:
    """Serve the page of an open demo and give its address, with the token in it that signs a browser in.

    port: 0 for any that is free · keys: of who else may come in. `MissingExtraError` without the web extra.
    """
    try:
        from kilowatch.demo.tricks import Tricks
        from kilowatch.web.api.app import app_of
        from kilowatch.web.api.here import Here
        from kilowatch.web.page import mount
    except ImportError as error:
        raise MissingExtraError(error.name or "nicegui", "web") from error
    stop = threading.Event()
    house, words, jobs = _rooms(live, stop, dry_run=dry_run)
    token = token or new_token()
    here = Here(house, words, Metrics().exposition)
    app = app_of(here, Keys([Key.of(VISITOR, Role.ADMIN, token), *keys]))
    mount(app, house, words, Tricks(live))
    jobs.start()
    try:
        with served(app, here, _HERE, port) as taken:
            yield f"http://{_HERE}:{taken}/?token={token}"
    finally:
        # Before the jobs end, for a rehearsal gives up only when it sees this.
        stop.set()
        jobs.stop()


def _rooms(live: LiveDemo, stop: threading.Event, *, dry_run: bool) -> tuple[House, PeoplesWords, JobRunner]:
    """Return what the page asks, what it says, and who carries out what people want done."""
    parts, clock = live.built.parts, live.clock
    switching = Switching(parts.database, live.plug_book, clock, WallClock(), ActsBy.EDGE)
    # Half of the recorded weeks are learnt from, so that the other half is watched.
    rehearsing = Rehearsing(live.snapshots, DETECTOR, stage.LEARNT_DAYS / 2, stop, reporting(parts.database))
    jobs = JobRunner(parts.database, {JobKind.SWITCH: switching, JobKind.REHEARSE: rehearsing})
    words = PeoplesWords(parts.database, parts.registry, clock, list(JobKind), woken=jobs.wake)
    settings = HouseSettings(time_zone=stage.TIME_ZONE, is_dry_run=dry_run)
    house = House(live.book, parts.database, parts.history, words, clock, live.usage, settings)
    return house, words, jobs
