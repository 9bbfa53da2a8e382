"""The demo as it runs: plugs on loopback, the edge, its actor, and the faults that are let loose on them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.arming import arm
from kilowatch.app.edge.build import Hand, build_edge
from kilowatch.app.edge.taps import taps_of
from kilowatch.app.edge.usage import EdgeUsage, HeardActions
from kilowatch.app.metrics.today import TodaysUsage
from kilowatch.app.plug_book import PlugBook
from kilowatch.app.processor import Processor
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.core.device import Stage
from kilowatch.core.events import Want
from kilowatch.core.outputs_live import DemoOutput
from kilowatch.demo import stage
from kilowatch.demo.board import Board, LineKind
from kilowatch.demo.catalogue import named
from kilowatch.demo.learnt import DETECTOR, edge_settings
from kilowatch.demo.yesterday import yesterday_of
from kilowatch.detectors.registry import create
from kilowatch.links.plugs import PollSource
from kilowatch.links.wall import WallClock
from kilowatch.observability import Metrics
from kilowatch.sim.home import MAINS
from kilowatch.sim.plugs import PlugHost, SimClock
from kilowatch.web.live import LiveBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from kilowatch.app.stores import DataFolder
    from kilowatch.core.device import DeviceRecord, Kind
    from kilowatch.core.records import AuditEntry
    from kilowatch.links.database import Database

WHO = "demo"
_ASK_S = 0.5
_MOST_LINES = 200
"""More are never written in the half second between two looks."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A fault that begins by itself, so many seconds of ours after the curtain has risen."""

    at_s: float
    device: str
    fault: str


CUES = (Cue(3.0, "kettle", "left-on"), Cue(8.0, "fridge", "door-open"), Cue(28.0, "router", "double-draw"))
"""One that is armed and switched off, and two that are protected and left alone: one at once, one in a while."""


class Curtain:
    """A monotonic clock that stands still until it rises."""

    def __init__(self) -> None:
        self._rose_s: float | None = None

    def __call__(self) -> float:
        """Return the seconds since it rose."""
        return 0.0 if self._rose_s is None else time.monotonic() - self._rose_s

    def rise(self) -> None:
        """Let time pass."""
        self._rose_s = time.monotonic()


class Decisions:
    """What was decided about switching, each line of the audit once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._newest: AuditEntry | None = None

    def fresh(self) -> list[AuditEntry]:
        """Return what was decided since the call before, oldest first."""
        with self._database.read() as transaction:
            entries = transaction.audit.last(_MOST_LINES)
        fresh = list(takewhile(lambda entry: entry != self._newest, entries))
        self._newest = entries[0] if entries else None
        return [entry for entry in reversed(fresh) if entry.what in {Want.NOTIFY, Want.NONE}]


@dataclass(frozen=True, slots=True)
class Staging:
    """What a person chose. cues: what goes wrong by itself."""

    seed: int = 1
    dry_run: bool = False
    cues: tuple[Cue, ...] = CUES


class LiveDemo:
    """A context manager: plugs listen and the edge is open within it. `begin`, then `turn` again and again.

    state: what `learnt` returned. since_start: seconds of ours since the command began.
    """

    def __init__(
        self, folder: DataFolder, state: bytes, staging: Staging, since_start: Callable[[], float] = time.monotonic
    ) -> None:
        self.elapsed_s = Curtain()
        self._clock = SimClock(stage.LIVE_FROM_MS, stage.SPEED, self.elapsed_s)
        self._home = stage.home_of(staging.seed, stage.LIVE_FROM_MS // stage.DAY_MS * stage.DAY_MS - stage.DAY_MS)
        self.plugs = stage.plugs_of(self._home, self._clock)
        self.clock = self._clock.now_ms
        self.board = Board(self.clock, since_start)
        self.book = LiveBook()
        self._cues = sorted(staging.cues, key=lambda cue: cue.at_s, reverse=True)
        self._staging, self._folder, self._state = staging, folder, state
        self._host = PlugHost(self.plugs)
        self._stop, self._ended = threading.Event(), threading.Event()
        self._failed: list[BaseException] = []
        self._asked_s = -1.0

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The devices on plugs, and what they are."""
        return {device: kind for device, kind in self._home.kinds.items() if device != MAINS}

    def __enter__(self) -> LiveDemo:
        self._host.start()
        config = stage.config_of(self.plugs)
        self.plug_book = PlugBook(config)
        # At offset 0: the log is empty, and what was learnt lies before its first message.
        SnapshotFiles(self._folder.snapshots).write(0, self._state)
        told = HeardActions(self.board)
        hand = Hand(self.plug_book, told, WallClock())
        settings = edge_settings(dry_run=self._staging.dry_run)
        listeners = (self.board, self.book)
        taps = partial(taps_of, config, Metrics(), told)
        self.built = build_edge(self._folder, create(DETECTOR), self.clock, settings, hand, listeners, taps)
        self._decisions = Decisions(self.built.parts.database)
        self.records = self._introduce()
        self.built.edge.open()
        # After `open`, which loads what was learnt: yesterday is in it.
        self._look()
        polled = [
            replace(one, interval_s=stage.POLL_S) for one in self.plug_book.polled(self.records, stage.INTERVAL_S)
        ]
        source = PollSource(stage.SITE, polled, clock_ms=self.clock)
        self._processor = Processor([source], self.built.parts.log, 1, self.clock)
        self._threads = [
            threading.Thread(target=self._process, name="demo processor", daemon=True),
            threading.Thread(target=self._judge, name="demo edge", daemon=True),
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The edge ends after the processor, which waits for it to take what came in; the plugs last, for both ask them.
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self.built.close()
        self.plug_book.close()
        self._host.stop()

    def begin(self) -> None:
        """Let the home's time pass, and the edge with it."""
        self.elapsed_s.rise()
        for thread in self._threads:
            thread.start()

    def turn(self) -> None:
        """Let the next fault begin where its time has come, and note what was decided since."""
        # Threads have nobody to tell: their errors come out where the demo is watched.
        if self._failed:
            raise self._failed[0]
        while self._cues and self.elapsed_s() >= self._cues[-1].at_s:
            cue = self._cues.pop()
            self.trigger(cue.device, cue.fault)
        self._note_decisions()

    def trigger(self, device: str, fault: str) -> str:
        """Let something go wrong now, and return in words what; `ConfigError` where that cannot be."""
        chosen = named(self.kinds, device, fault)
        plug = next(plug for plug in self.plugs if plug.outlet.device == device)
        self._host.call(lambda: chosen.begin(plug.outlet, self._clock.now_ms()))
        words = f"{device} {chosen.name}: {chosen.meaning}."
        self.board.say(LineKind.STAGE, words)
        return words

    def is_on(self, device: str) -> bool:
        """Return how a plug's relay stands."""
        return next(plug.outlet.is_on for plug in self.plugs if plug.outlet.device == device)

    def switched(self, *, protected: bool) -> int:
        """Return how often plugs of protected devices, or of the others, were told to switch, by their own logs."""
        wanted = {record.device for record in self.records if record.protected is protected}
        plugs = [plug for plug in self.plugs if plug.outlet.device in wanted]
        # Copies of the logs: the plugs' own thread adds to them.
        return sum(seen.switched is not None for plug in plugs for seen in list(plug.seen))

    def switched_off(self) -> list[str]:
        """Return the devices whose plugs were told to switch off and say so, by the plugs' own word."""
        told = [plug for plug in self.plugs if any(seen.switched is False for seen in list(plug.seen))]
        return [plug.outlet.device for plug in told if not plug.outlet.is_on]

    def output(self) -> DemoOutput:
        """Return what `--json` prints."""
        tally = self.board.tally
        return DemoOutput(
            readings=tally.readings,
            incidents=tally.incidents,
            actions=len(tally.actions),
            actions_confirmed=len(tally.confirmed),
            protected_switched=self.switched(protected=True),
            seconds_to_first_incident=tally.first_incident_s,
        )

    @property
    def snapshots(self) -> Path:
        """Where the edge's state lies."""
        return self._folder.snapshots

    @property
    def usage(self) -> TodaysUsage | None:
        """What the devices used today."""
        taps = (tap for tap in self.built.parts.taps if isinstance(tap, EdgeUsage))
        return next((TodaysUsage(tap.service) for tap in taps), None)

    @property
    def now_ms(self) -> int:
        """The home's time."""
        return self._clock.now_ms()

    def _look(self) -> None:
        """Let screen and page see what is judged."""
        pipeline = self.built.parts.subject.pipeline
        self.board.fleet = pipeline.fleet
        self.built.parts.history.append(yesterday_of(self.built.parts.subject, stage.LIVE_FROM_MS))
        self.book.watch(pipeline.fleet, pipeline.curriculum, pipeline.judge.thresholds, pipeline.staleness)

    def _introduce(self) -> list[DeviceRecord]:
        """Let the registry know the devices with their plugs, and what a person has armed."""
        registry, now_ms = self.built.parts.registry, self.clock()
        address = {plug.outlet.device: plug.address for plug in self.plugs}
        found = [_with_plug(record, address[record.device]) for record in stage.records(self._home)]
        registry.discover(found, now_ms)
        for device in stage.ARMED:
            arm(registry, stage.SITE, device, WHO, now_ms)
        return self._known()

    def _known(self) -> list[DeviceRecord]:
        """Return the records of what hangs on a plug as they are now, in the order of the stage."""
        known = {record.device: record for record in self.built.parts.registry.records()}
        return [known[plug.outlet.device] for plug in self.plugs]

    def _note_decisions(self) -> None:
        if self.elapsed_s() - self._asked_s < _ASK_S:
            return
        self._asked_s = self.elapsed_s()
        self.records = self._known()
        records = {record.device: record for record in self.records}
        for entry in self._decisions.fresh():
            if entry.device in records:
                self.board.decided(entry, records[entry.device])

    def _process(self) -> None:
        try:
            self._processor.run(self._stop)
        except BaseException as error:
            self._failed.append(error)
        finally:
            self._ended.set()

    def _judge(self) -> None:
        try:
            self.built.edge.run(self._ended)
        except BaseException as error:
            self._failed.append(error)
            self._stop.set()


def _with_plug(record: DeviceRecord, plug: str) -> DeviceRecord:
    return msgspec.structs.replace(record, plug=plug)


def is_armed(record: DeviceRecord) -> bool:
    """Return whether a device may be switched off."""
    return record.stage is Stage.ARMED and not record.protected
