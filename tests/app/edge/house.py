"""A home whose world keeps its own log: plugs with loads behind them, a source that repeats what nobody acknowledged.

One edge lives in it through crashes, bad input, a link that is cut and people's words. What it should have done is
worked out from the log on its disk, in one piece and without any of that.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from app.actor.stage import DiedError, StagedClock, StagedPlug
from app.actor.stage import Told as Telling
from app.edge.stage import StageClock, assembled, incidents, live, messages, opened
from app.edge.uplinks import MemoryUpstream
from app.homes import DAY_MS, START_MS, fleet, home
from kilowatch.app.edge.batches import readings_of
from kilowatch.app.edge.build import Ground, Hand
from kilowatch.app.edge.judge import Asking
from kilowatch.app.edge.outbox_metrics import OutboxMetrics
from kilowatch.app.edge.upstream import Upstream, UpstreamTempo
from kilowatch.app.ingest import encode_batch
from kilowatch.app.partition import PartitionJudge
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.processor import Processor
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.app.stores import DataFolder
from kilowatch.app.subject import Subject
from kilowatch.core.device import ActsBy, DeviceRecord, Fleet, Stage
from kilowatch.core.events import WIRE_V, ActionState, IncidentEvent, Tick
from kilowatch.core.learning import LearningPlan
from kilowatch.core.policy import PolicyRules
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.records import DeviceEdit
from kilowatch.detectors.registry import create
from kilowatch.links.edge_log import rejected_messages
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.memory import MemoryHistory
from kilowatch.links.outbox import DiskOutbox, OutboxLimits
from kilowatch.links.source import SourceMessage
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.snapshots import Snapshot
    from kilowatch.links.outbox import OutboxState

NOW_MS = START_MS + round(2.5 * DAY_MS)
"""What the edge has learnt ends here: the histories begin."""
MINUTE_MS = 60_000
STEP_MIN = 2
"""What comes at once: older, and it would be history."""
MARK = "taken.json"
"""Where the way upstream notes how far it has taken the log."""
HEATER_SLOT, STUCK_W = 1, 3000.0
OWN = frozenset(record.device for record in fleet().records)
"""The devices that are well behaved; others come out of bad input."""
PLAN = LearningPlan(learning_days=2.0, refit_days=2.0)
POLICY = PolicyRules(side=ActsBy.EDGE, dry_run=False)
LIMITS = OutboxLimits(max_bytes=40_000, file_bytes=5_000, survives_power_cut=False)
TEMPO = UpstreamTempo(gather_s=0.0, mark_s=0.5, retry_s=0.05, farewell_s=0.0)


@dataclass(frozen=True)
class Call:
    """What a plug saw when it was told to switch off."""

    incident: IncidentEvent
    record: DeviceRecord
    site_ms: int


@dataclass
class Doom:
    """Looks on and dies where it is told to: once readings are judged, or once incidents have been acted on."""

    at: str = ""

    def stepped(self, result: StepResult) -> None:
        if self.at == "stepped" and len(result.clean):
            raise DiedError

    def happened(self, events: object) -> None:
        if self.at == "happened":
            raise DiedError


@cache
def learnt() -> tempfile.TemporaryDirectory[str]:
    """Two days and a half of the home, lived once: what every history begins with."""
    folder = tempfile.TemporaryDirectory(prefix="kilowatch-learnt-")
    clock = StageClock()
    built = opened(Path(folder.name), clock)
    live(built, clock, messages(home(2.5)), 100)
    built.edge.save()
    built.parts.registry.edit(
        "home", "heater", DeviceEdit(acts_by=ActsBy.EDGE, plug="sim://heater", protected=False), "anna", NOW_MS
    )
    built.edge.turn()
    built.edge.turn()
    outbox = DataFolder(Path(folder.name)).outbox
    outbox.mkdir()
    (outbox / MARK).write_text(f'{{"offset": {built.parts.log.next_offset}, "reading": 0}}')
    built.close()
    return folder


def first_snapshot() -> Snapshot:
    """What had been learnt."""
    return next(iter(SnapshotFiles(DataFolder(Path(learnt().name)).snapshots).load()))


@cache
def days() -> ReadingBatch:
    """What the home draws afterwards while all is well."""
    whole = home(5.0)
    return whole.take(whole.ts_ms >= NOW_MS)


class Reach:
    """Which plugs there are: the heater's."""

    def __init__(self, plug: StagedPlug) -> None:
        self._plug = plug

    def plug_of(self, record: DeviceRecord) -> StagedPlug | None:
        return self._plug if record.device == "heater" else None


class House:
    """One history. calls: what the heater's plug saw. refused: bad input that was acknowledged, in its order."""

    def __init__(self) -> None:
        self._root = tempfile.TemporaryDirectory(prefix="kilowatch-house-")
        self.lives = 0
        shutil.copytree(learnt().name, self.folder)
        self.clock, self.plug = StageClock(NOW_MS), StagedPlug(load_w=STUCK_W)
        self.plug.on_told = self._witness
        self.calls: list[Call] = []
        self.is_stuck = self.dies_when_told = False
        self.there, self.telling, self.doom = MemoryUpstream(), Telling(), Doom()
        self.acknowledged: list[bytes] = []
        self._offered: dict[int, bytes] = {}
        self._number = 0
        self._open()
        self.first_offset = self.built.parts.log.next_offset

    @property
    def folder(self) -> Path:
        return Path(self._root.name) / str(self.lives)

    # --- what happens ---

    def pass_time(self, minutes: int, *, turns: bool = True) -> None:
        """Readings of the next minutes come, as the world is then. turns: the edge takes them as they come."""
        for _ in range(0, minutes, STEP_MIN):
            begin_ms, self.clock.ms = self.clock.ms, self.clock.ms + STEP_MIN * MINUTE_MS
            for _, message in encode_batch(self._drawn(begin_ms, self.clock.ms), fleet()):
                self.offer(message)
            self._tick()
            if turns:
                self.turn()

    def offer(self, payload: bytes) -> None:
        """A source hands a message over, and hears of it once it is safe."""
        self._number += 1
        self._offered[self._number] = payload
        self._put(self._number)

    def repeat(self) -> None:
        """The last acknowledgement got lost on its way: the source sends the message again."""
        if self.acknowledged:
            self.offer(self.acknowledged[-1])

    def turn(self) -> None:
        """Let the edge do what there is to do; where it dies, another life begins."""
        try:
            while self.built.edge.turn():
                pass
            assert self.built.parts.actor is not None
            self.built.parts.actor.wait(30.0)
        except DiedError:
            self.die()

    def die(self) -> None:
        """kill -9: the next life has what lies on the disk at this moment, and the source sends again."""
        before, dead = self.folder, self.built
        assert dead.parts.actor is not None
        # A thread of this process would outlive the kill: what it is at ends first, where the plug's witness lets it.
        dead.parts.actor.close()
        self.lives += 1
        with self.upstream._disk:
            # What is half written under another name is nothing yet, and may be gone before it is copied.
            shutil.copytree(before, self.folder, ignore=shutil.ignore_patterns("*.new"))
        self.there.is_away, was_away = True, self.there.is_away
        dead.close()
        self.there.is_away = was_away
        shutil.rmtree(before)
        self.doom, self.dies_when_told = Doom(), False
        self._open()
        for number in sorted(self._offered):
            self._put(number)

    def say(self, **word: object) -> None:
        """A person changes what may be done with the heater."""
        edit = DeviceEdit(**word)  # type: ignore[arg-type]
        self.built.parts.registry.edit("home", "heater", edit, "anna", self.clock.ms)

    def lose_snapshots(self) -> None:
        """What was saved is lost: all since the learning is read again, as after a reset to earliest."""
        self.turn()
        snapshots = DataFolder(self.folder).snapshots
        shutil.rmtree(snapshots)
        SnapshotFiles(snapshots).write(first_snapshot().offset, first_snapshot().packed)
        self.die()

    def end(self) -> None:
        """All comes to rest: the link is back, everything is judged, nobody dies any more."""
        self.doom.at, self.dies_when_told, self.there.is_away = "", False, False
        self.plug.deaf = 0
        for _ in range(3):
            self.turn()
        for _ in range(6000):
            state = self.waiting
            if state.readings + state.incidents == 0 and self.outbox.end >= len(self.passed_on()) - state.dropped:
                break
            time.sleep(0.01)

    def close(self) -> None:
        self.built.close()
        self._root.cleanup()

    # --- what is so ---

    def log(self) -> list[bytes]:
        """Every message since the learning, in the order of the edge's own log."""
        return [value for taken in self.built.parts.log.read(self.first_offset) for value in taken.values]

    @property
    def waiting(self) -> OutboxState:
        """What waits for upstream, seen between two steps of the thread that sends it."""
        with self.upstream._disk:
            return self.outbox.state

    def passed_on(self) -> list[tuple[str, int]]:
        return [(one.device, one.ts_ms) for one in readings_of(self.log())]

    def rejected(self) -> list[bytes]:
        return list(rejected_messages(DataFolder(self.folder).log))

    def told(self) -> list[IncidentEvent]:
        """The newest event of every incident of the devices that are well behaved, since the learning."""
        own = [event for event in incidents(self.built) if event.device in OWN and event.last_ms >= NOW_MS]
        return sorted(own, key=lambda event: event.id)

    def in_one_piece(self) -> tuple[list[IncidentEvent], int]:
        """What one judge says of what the well-behaved devices said, all at once, and how many readings it kept."""
        history = MemoryHistory(keep_ms=PLAN.horizon_ms)
        pipeline = Pipeline(Fleet(), create("fleet"), history, PipelineSettings(plan=PLAN), Asking(POLICY))
        subject = Subject(pipeline, history)
        subject.load(first_snapshot().packed)
        judge = PartitionJudge(subject, self.built.edge, self.first_offset, 0)
        values = [value for value in self.log() if _is_own(value)]
        judge.take(range(self.first_offset, self.first_offset + len(values)), values)
        newest = {event.id: event for event in judge.events if event.device in OWN}
        return sorted(newest.values(), key=lambda event: event.id), judge.counts.kept

    # --- within ---

    def _open(self) -> None:
        self.clock_of_plugs = StagedClock(self.clock.ms)
        hand = Hand(Reach(self.plug), self.telling, self.clock_of_plugs)
        self.built: BuiltEdge = assembled(
            self.folder, self.clock, hand, policy=POLICY, listeners=(self.doom,), taps=self._taps
        )
        # Ours before it opens, for then it acts already: on what the life before has left.
        self.built.edge.open()
        self.processor = Processor([], self.built.parts.log, 1, self.clock)

    def _taps(self, ground: Ground) -> tuple[Upstream, ...]:
        self.outbox = DiskOutbox(ground.folder.outbox, LIMITS)
        show = OutboxMetrics(Metrics(), LIMITS.max_bytes)
        mark = ground.folder.outbox / MARK
        self.upstream = Upstream(self.outbox, mark, self.there.connect, self.clock, show, TEMPO)
        return (self.upstream,)

    def _drawn(self, begin_ms: int, end_ms: int) -> ReadingBatch:
        batch = days().take(slice(*np.searchsorted(days().ts_ms, [begin_ms, end_ms]).tolist()))
        of_heater = batch.slot == HEATER_SLOT
        power_w = np.where(of_heater, STUCK_W, batch.power_w) if self.is_stuck else batch.power_w
        return ReadingBatch(batch.slot, batch.ts_ms, power_w if self.plug.on else np.where(of_heater, 0.0, power_w))

    def _put(self, number: int) -> None:
        def ack() -> None:
            self.acknowledged.append(self._offered.pop(number))

        payload = self._offered[number]
        self.processor.put(SourceMessage("push:test", payload, None, self.clock.ms, ack))

    def _tick(self) -> None:
        tick = msgspec.json.encode(Tick(v=WIRE_V, received_ms=self.clock.ms))
        self.built.parts.log.send(Topic.DEVICES, None, tick)

    def _witness(self) -> None:
        with self.built.parts.database.read() as transaction:
            sent = [one for one in transaction.actions.unfinished() if one.state is ActionState.SENT]
            known = transaction.devices.get("home", "heater")
        assert known is not None
        event = self.built.parts.world.incident(sent[0].id)
        assert event is not None
        self.calls.append(Call(event, known.record, self.clock.ms))
        if self.dies_when_told:
            raise DiedError


def _is_own(value: bytes) -> bool:
    return b'"control"' in value or all(one.device in OWN for one in readings_of([value]))


def armed(house: House) -> House:
    house.say(stage=Stage.ARMED)
    house.turn()
    return house
