"""The detector service: readings of its partitions in, incidents out, each told once whoever dies when.

Taking a partition over

1. Open the partition's writer: a dead owner's transaction ends, a live one is shut out.
2. Ask for the committed offset: up to there everything has been told.
3. Load the newest whole snapshot; without one begin at the first message there is.
4. Read on from the snapshot's offset; what lies before the committed offset is judged in silence.

At work, for each partition

5. Judge the messages of a poll; events wait in memory.
6. Where a snapshot is due, write its chunks and wait until they are safe.
7. Begin a transaction and send the events into it, words to the registry on who has been learnt, and the snapshot's
   manifest.
8. Send into it the offset of the first message that is not judged yet.
9. Commit: events, manifest and offset are there together or not at all. A new model judges what comes after.
10. Delete the chunks of older snapshots.

Cut at 5 to 8, or at 9 before the broker has decided, the successor begins at the old offset and tells the same events
under the same ids and versions; cut after that, they have been told and are judged in silence. Cut between 6 and 9
the new chunks have no manifest and the old snapshot stands; cut at 10 some chunks lie about until the next snapshot
deletes them. A partition that goes to another process by plan is committed with a snapshot first; one that is lost
is dropped as it stands, for its next owner is at 1 already. Shut out at 8 or 9 we drop it too; where the group goes on
saying that it is ours it was the broker that ended a transaction once more, by its age, and we begin at 1.

Where many devices learn in one batch the process says between their lessons that it lives (`Tempo.breath_s`), so that
the group does not take it for dead. A partition that goes away at such a moment is dropped in the middle of a batch,
and its next owner judges the batch from its beginning.

Under overload polls are full and snapshots wait for their turn: readings are judged later, never left out.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.app.detector_ports import Links, Output, Tempo
from kilowatch.app.drifting import drifting
from kilowatch.app.models.switch import ModelSwitch
from kilowatch.app.onlooker import NoWatcher, Watcher
from kilowatch.app.partition import Counts, PartitionJudge
from kilowatch.core.state import NewerStateError
from kilowatch.errors import ComponentError, KilowatchError, StateError
from kilowatch.links.kafka.client import AbortableError, FencedError
from kilowatch.links.kafka.reader import Hooks
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.models.candidates import Candidates
    from kilowatch.app.snapshots import Draft
    from kilowatch.app.subject import Subject
    from kilowatch.links.kafka.place import Place
    from kilowatch.links.kafka.reader import PartitionBatch

_log = logging.getLogger(__name__)


class Step(IntEnum):
    """The numbers of the protocol above."""

    OPEN = 1
    ASK = 2
    LOAD = 3
    BEGIN = 4
    JUDGE = 5
    CHUNKS = 6
    EVENTS = 7
    OFFSETS = 8
    COMMIT = 9
    SWEEP = 10


class _GoneError(Exception):
    """The partition went to another process while its messages were judged: what was judged is worth nothing."""


@dataclass(slots=True)
class _Held:
    """A partition of ours.

    committed, saved: the offsets up to which it is told, and saved. events_since: when the oldest event that waits was
    found, None where none does.
    """

    judge: PartitionJudge
    writer: Output
    committed: int
    saved: int
    committed_at: float
    snapshot_at: float
    events_since: float | None = None
    models: ModelSwitch | None = None
    shadow: Candidates | None = None


class Detector:
    """One process of the group. Not for several threads."""

    def __init__(
        self,
        links: Links,
        tempo: Tempo | None = None,
        watcher: Watcher | None = None,
        clock: Callable[[], float] = time.monotonic,
        reached: Callable[[Step], None] = lambda _: None,
    ) -> None:
        self._links = links
        self._tempo = tempo or Tempo()
        self._watcher = watcher or NoWatcher()
        self._clock = clock
        self._reached = reached
        self._held: dict[Place, _Held] = {}
        self._fresh: dict[Place, int] = {}
        self._shut_out: dict[Place, float] = {}
        self._judging: _Held | None = None
        self._lag_at = self._polled_at = clock()
        self._worked_s = 0.0
        self._reader = links.reader(Hooks(self._assigned, self._revoked, self._lost))

    def turn(self) -> int:
        """Read once, judge, and commit what is due; return how many messages there were."""
        self._fresh.clear()
        self._polled_at = self._clock()
        batches = self._reader.poll(self._tempo.most, self._tempo.wait_s(self._worked_s))
        began = self._clock()
        for batch in batches:
            if batch.place in self._fresh:
                # fetched before the partition came (back) to us: it begins where the snapshot says
                self._reader.seek(batch.place, self._fresh[batch.place])
            elif batch.place in self._held:
                self._judge(batch)
        for place in list(self._held):
            self._commit_if_due(place)
        self._take_back()
        if self._clock() >= self._lag_at:
            self._lag_at = self._clock() + self._tempo.lag_s
            self._watcher.lag(self._reader.lag())
        self._worked_s = self._clock() - began
        return sum(len(batch.values) for batch in batches)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Go on until told to stop, then hand all partitions over in order; on an error drop them as they stand."""
        try:
            while not is_over():
                self.turn()
        except BaseException:
            # Dropped before the reader closes: that calls `_revoked`, which would commit what an error left half done.
            self._lost(list(self._held))
            with suppress(KilowatchError):
                self._reader.close()
            raise
        self.close()

    def close(self) -> None:
        """Commit and save every partition and leave the group."""
        self._revoked(list(self._held))
        self._reader.close()

    def lag(self) -> dict[Place, int]:
        """Return how many messages of each partition of ours are not read yet."""
        return self._reader.lag()

    def drifting(self) -> int:
        """Return how many devices of ours have scores that left the level at which thresholds were set."""
        return sum(drifting(held.judge.subject.pipeline.judge.thresholds) for held in list(self._held.values()))

    @property
    def places(self) -> list[Place]:
        """The partitions that are ours."""
        return list(self._held)

    def _assigned(self, places: list[Place]) -> dict[Place, int]:
        return {place: self._take_over(place) for place in places}

    def _take_over(self, place: Place) -> int:
        """Do 1 to 4 and return where to begin."""
        started = self._clock()
        writer = self._links.writer(place)
        self._do(Step.OPEN, writer.open)
        committed = self._do(Step.ASK, lambda: self._reader.committed([place]).get(place))
        subject, saved_offset = self._do(Step.LOAD, lambda: self._load(place))
        low, high = self._reader.bounds(place)
        begin = low if saved_offset is None else max(low, saved_offset)
        if saved_offset is not None and saved_offset < low:
            _log.warning("%s/%d: messages %d to %d are gone and were not judged.", *place, saved_offset, low)
        live_from = begin if committed is None else max(committed, begin)
        shadow = None if self._links.shadows is None else self._links.shadows(subject)
        seen = None if shadow is None else shadow.stepped
        judge = PartitionJudge(subject, self._links.records, begin, live_from, seen)
        now = self._clock()
        # Else partitions that came together would all save at one moment, and nothing would be judged meanwhile.
        spread = self._tempo.snapshot_s * (0.5 + 0.5 * (place.partition % 12) / 12)
        models = self._models(subject)
        self._held[place] = _Held(judge, writer, live_from, begin, now, now + spread, models=models, shadow=shadow)
        subject.pipeline.between_lessons = self._breathe
        self._fresh[place] = begin
        self._reached(Step.BEGIN)
        behind = max(0, min(live_from, high) - begin)
        _log.info("%s/%d is ours after %.2f s, %d messages are read again in silence.", *place, now - started, behind)
        self._watcher.taken_over(place, now - started, behind)
        return begin

    def _models(self, subject: Subject) -> ModelSwitch | None:
        if self._links.models is None:
            return None
        switch = ModelSwitch(self._links.models, subject.pipeline)
        switch.at_commit()
        return switch

    def _load(self, place: Place) -> tuple[Subject, int | None]:
        """Return a pipeline with the newest state that can be read, and the offset where that ends."""
        for snapshot in self._links.snapshots.load(place.partition):
            subject = self._links.subject()
            try:
                changed = subject.load(snapshot.packed)
            # Not passed over: our own next snapshot would sweep away what the newer kilowatch has saved.
            except NewerStateError:
                raise
            except StateError as error:
                _log.error("%s/%d: a snapshot is not used: %s %s", *place, error, error.hint)
                continue
            if changed:
                _log.info("%s/%d: settings have changed since the snapshot: %s", *place, "; ".join(changed))
            return subject, snapshot.offset
        return self._links.subject(), None

    def _judge(self, batch: PartitionBatch) -> None:
        held, started = self._held[batch.place], self._clock()
        self._judging = held
        try:
            self._do(Step.JUDGE, lambda: held.judge.take(batch.offsets, batch.values))
        except _GoneError:
            return
        finally:
            self._judging = None
        now = self._clock()
        if held.judge.events and held.events_since is None:
            held.events_since = now
        self._watcher.judged(batch.place, held.judge.counts, now - started, batch.appended_ms[-1])
        held.judge.counts = Counts()

    def _breathe(self) -> None:
        """Let the group know that we live; what comes of new partitions meanwhile is read again in its turn."""
        if self._clock() - self._polled_at < self._tempo.breath_s:
            return
        self._polled_at = self._clock()
        # A poll is what keeps us in the group; paused, it brings nothing of the partition whose batch is in hand.
        self._reader.pause(list(self._held))
        for batch in self._reader.poll(1, 0.0):
            self._reader.seek(batch.place, self._fresh.get(batch.place, batch.offsets[0]))
        self._reader.resume(list(self._held))
        # By identity: within that poll the partition may have gone and come back, with a pipeline of its own.
        if not any(held is self._judging for held in self._held.values()):
            raise _GoneError

    def _commit_if_due(self, place: Place) -> None:
        held, now = self._held[place], self._clock()
        # While told messages are read again the offset lies behind the group's: to commit it would move the group back.
        if held.judge.next_offset <= held.committed:
            return
        events_due = held.events_since is not None and now - held.events_since >= self._tempo.events_s
        if not (events_due or now - held.committed_at >= self._tempo.commit_s):
            return
        try:
            self._commit(place, saving=now >= held.snapshot_at)
        except FencedError as error:
            _log.warning("%s/%d: %s", *place, error)
            self._lost([place])
            self._shut_out[place] = now
        except ComponentError as error:
            self._take_over_anew(place, str(error))

    def _take_over_anew(self, place: Place, why: str) -> None:
        _log.error("%s/%d is taken over anew: %s", *place, why)
        self._lost([place])
        self._reader.seek(place, self._take_over(place))

    def _take_back(self) -> None:
        """Take over anew what a fence shut us out of, where the group has not taken it from us since."""
        for place, since in list(self._shut_out.items()):
            if self._clock() - since >= self._tempo.shut_out_s:
                self._take_over_anew(place, "Kafka ended our transaction, and the group has given it to nobody else.")

    def _commit(self, place: Place, *, saving: bool) -> None:
        """Do 6 to 10; what the broker aborts is done again."""
        held = self._held[place]
        started = self._clock()
        draft = self._do(Step.CHUNKS, lambda: self._save(place)) if saving else None
        for attempt in range(self._tempo.retries):
            try:
                self._transact(place, draft)
                break
            except AbortableError:
                if attempt + 1 == self._tempo.retries:
                    raise
        if held.models is not None:
            held.models.at_commit()
        self._watcher.committed(place, len(held.judge.events), self._clock() - started)
        held.committed, held.committed_at = held.judge.next_offset, self._clock()
        held.judge.events, held.judge.learnt, held.events_since = [], [], None
        if draft is not None:
            held.saved = held.judge.next_offset
            held.snapshot_at = self._clock() + self._tempo.snapshot_s
            self._do(Step.SWEEP, lambda: self._links.snapshots.sweep(draft))

    def _save(self, place: Place) -> Draft:
        judge, started = self._held[place].judge, self._clock()
        packed = judge.subject.save()
        draft = self._links.snapshots.write(place.partition, judge.next_offset, packed)
        self._watcher.saved(place, len(packed), self._clock() - started)
        return draft

    def _transact(self, place: Place, draft: Draft | None) -> None:
        held = self._held[place]
        with held.writer.transaction():
            self._do(Step.EVENTS, lambda: self._send(held, place.partition, draft))
            offsets = {place: held.judge.next_offset}
            self._do(Step.OFFSETS, lambda: held.writer.send_offsets(offsets, self._reader))
            self._reached(Step.COMMIT)
        self._reached(Step.COMMIT)

    @staticmethod
    def _send(held: _Held, partition: int, draft: Draft | None) -> None:
        for event in held.judge.events:
            held.writer.send(Topic.ANOMALIES, event.site, msgspec.json.encode(event), partition=partition)
        for word in held.judge.learnt:
            held.writer.send(Topic.DEVICES, word.site, msgspec.json.encode(word), partition=partition)
        if draft is not None:
            held.writer.send(Topic.STATE, draft.key, draft.value, partition=partition)

    def _revoked(self, places: list[Place]) -> None:
        """Hand partitions over: told, saved, and closed; what fails leaves its next owner a little more to read."""
        self._lost([place for place in places if place not in self._held])
        for place in [place for place in places if place in self._held]:
            held = self._held[place]
            try:
                # In the middle of a batch a pipeline has seen more than its offset says: saved, that is judged twice.
                if (
                    held is not self._judging
                    and held.judge.next_offset >= held.committed
                    and held.judge.next_offset > held.saved
                ):
                    self._commit(place, saving=True)
            except KilowatchError as error:
                _log.warning("%s/%d is handed over without a last commit: %s", *place, error)
            self._lost([place])

    def _lost(self, places: list[Place]) -> None:
        for place in places:
            self._shut_out.pop(place, None)
            held = self._held.pop(place, None)
            if held is not None:
                held.writer.close()
                if held.shadow is not None:
                    held.shadow.hand_on(ending=True)

    def _do(self, step: Step, what: Callable[[], Any]) -> Any:
        self._reached(step)
        done = what()
        self._reached(step)
        return done
