"""One partition of `IoTDevices` through one pipeline: messages in, incident events out, the same however it is cut.

Readings are judged as they come. Time passes where the log says so, at ticks and at every `MARK`-th offset, and not
where a poll happens to end: so a successor that reads the same messages again in other pieces comes to the same
state, and to the same events at the same messages.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np

from kilowatch.app.ingest import Decoder
from kilowatch.app.models.switch import stamped
from kilowatch.core.device import Stage
from kilowatch.core.events import WIRE_V, Acknowledge, Label, Learnt, Mute, RecordChanged, Tick, Undo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kilowatch.app.ingest import Decoded
    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.subject import Subject
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import Control, IncidentEvent

MARK = 4096
"""Time passes at least every so many messages, for logs without ticks."""


class Records(Protocol):
    """What the registry says of devices."""

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        """Return the newest record of a device, None where the registry does not know it; version: it has at least."""


@dataclass(slots=True)
class Counts:
    """What became of messages since the last look."""

    readings: int = 0
    kept: int = 0
    samples: int = 0
    refused: int = 0
    unknown_fields: int = 0
    replayed: int = 0


class PartitionJudge:
    """Judges a partition's messages in order.

    next_offset: of the first message that it has not seen. live_from: events of messages before it have been told
    by somebody else, so they are dropped. events: what is to be told. learnt: words to the registry on devices whose
    record still calls them learning; they may be told twice, and are heeded once. look: shown each step,
    with whether it is news.
    """

    def __init__(
        self,
        subject: Subject,
        records: Records,
        next_offset: int,
        live_from: int,
        look: Callable[[StepResult, bool], None] | None = None,
    ) -> None:
        self.subject = subject
        self._look = look
        self.next_offset = next_offset
        self.live_from = live_from
        self.events: list[IncidentEvent] = []
        self.learnt: list[Learnt] = []
        self.counts = Counts()
        self._records = records
        self._pipeline = subject.pipeline
        self._decoder = Decoder(subject.pipeline.fleet)
        self._known = len(subject.pipeline.fleet)
        self._seen = np.zeros(0, dtype=np.bool_)

    def take(self, offsets: Sequence[int], values: Sequence[bytes]) -> None:
        """Judge messages, their offsets rising; those seen before are left out."""
        start = bisect_left(offsets, self.next_offset)
        for begin, end in _runs(offsets, start, self.live_from):
            # Quotients, not equality: at the mark itself may lie the end of a transaction, an offset without a message.
            if (self.next_offset - 1) // MARK < offsets[begin] // MARK:
                self._note(self._pipeline.pass_time(), offsets[begin])
            # The first offset stands for the whole run: `_runs` cuts where news begins, so all of it is news or none.
            self._take_run(values[begin:end], offsets[begin])
            self.next_offset = offsets[end - 1] + 1
        self._see_graduates()

    def _take_run(self, values: Sequence[bytes], offset: int) -> None:
        decoded = self._decoder.decode(values)
        gone = any(isinstance(placed.control, RecordChanged) and placed.control.gone for placed in decoded.controls)
        if len(values) > 1 and ((decoded.ticks and decoded.controls) or gone):
            # their order among each other counts, and only a run without either kind leaves no doubt of it; behind the
            # word that a device is gone its name is another's
            middle = len(values) // 2
            self._take_run(values[:middle], offset)
            self._take_run(values[middle:], offset)
            return
        self._count(decoded, len(values), offset)
        # Before anything of this run is judged: a device's grid and limits are those of its record.
        self._introduce()
        done = 0
        for placed in [*decoded.ticks, *decoded.controls]:
            if placed.after > done:
                self._note(self._pipeline.accept(decoded.batch.take(slice(done, placed.after))), offset)
                done = placed.after
            self._obey(placed.control, offset)
        if done < len(decoded.batch):
            rest = decoded.batch if done == 0 else decoded.batch.take(slice(done, None))
            self._note(self._pipeline.accept(rest), offset)

    def _introduce(self) -> None:
        """Let the registry say who the devices are that have just joined."""
        records = self._pipeline.fleet.records
        for slot in range(self._known, len(records)):
            known = self._records.record(records[slot].site, records[slot].device)
            if known is not None:
                self._pipeline.revise(known)
        self._known = len(records)

    def _see_graduates(self) -> None:
        graduates = self._pipeline.curriculum.graduates(self._known)
        self._seen = np.append(self._seen, np.zeros(len(graduates) - len(self._seen), dtype=np.bool_))
        for slot in np.flatnonzero(graduates & ~self._seen).tolist():
            self._seen[slot] = True
            record, since_ms = self._pipeline.fleet.records[slot], self._pipeline.curriculum.watching_since_ms[slot]
            if record.stage is Stage.LEARNING:
                self.learnt.append(Learnt(v=WIRE_V, site=record.site, device=record.device, ts_ms=int(since_ms)))

    def _obey(self, control: Control, offset: int) -> None:
        if isinstance(control, Tick):
            self._note(self._pipeline.pass_time(control.received_ms), offset)
        elif isinstance(control, Acknowledge):
            self._tell(self._pipeline.acknowledge(control.incident, control.ts_ms), offset)
        elif isinstance(control, RecordChanged) and control.gone:
            self._forget(control, offset)
        elif isinstance(control, RecordChanged):
            record = self._records.record(control.site, control.device, control.version)
            if record is not None:
                self._pipeline.revise(record)
        elif isinstance(control, Mute):
            self._mute(control)
        elif isinstance(control, Label | Undo):
            self._pipeline.label(control)

    def _forget(self, control: RecordChanged, offset: int) -> None:
        slot, history = self._pipeline.fleet.slot(control.site, control.device), self.subject.history
        if slot is not None and history is not None:
            history.forget(slot)
        self._tell(self._pipeline.retire(control.site, control.device, control.ts_ms), offset)

    def _mute(self, control: Mute) -> None:
        slot = self._pipeline.fleet.slot(control.site, control.device)
        if slot is not None:
            record = self._pipeline.fleet.records[slot]
            self._pipeline.revise(msgspec.structs.replace(record, muted_until=control.until_ms or None))

    def _note(self, result: StepResult, offset: int) -> None:
        self.counts.kept += len(result.clean)
        self.counts.samples += sum(len(judged.samples) for judged in result.judged)
        self._tell(result.events, offset)
        if self._look is not None:
            self._look(result, offset >= self.live_from)

    def _tell(self, events: list[IncidentEvent], offset: int) -> None:
        if offset >= self.live_from:
            self.events += [stamped(event, self._pipeline) for event in events]

    def _count(self, decoded: Decoded, messages: int, offset: int) -> None:
        self.counts.readings += len(decoded.batch)
        self.counts.refused += len(decoded.refused)
        self.counts.unknown_fields += decoded.unknown
        self.counts.replayed += messages if offset < self.live_from else 0


def _runs(offsets: Sequence[int], start: int, live_from: int) -> Iterator[tuple[int, int]]:
    """Yield [begin, end) from start on, cut at marks and where messages begin to be news."""
    while start < len(offsets):
        mark = (offsets[start] // MARK + 1) * MARK
        until = min(mark, live_from) if offsets[start] < live_from else mark
        end = bisect_left(offsets, until, start)
        yield start, end
        start = end
