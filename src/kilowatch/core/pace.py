"""How often a device speaks, found out while it does: nobody should have to tell it to kilowatch.

Until that is known its silence means nothing. Who speaks steadily is known after some dozens of readings and an
hour; who does not is taken, after a day, for one that speaks when its power changes, and may be silent for more than
a day: quiet plugs say nothing from one evening to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import msgspec
import numpy as np

from kilowatch.core.device import DEFAULT_INTERVAL_S, DeviceRecord, Reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.core.device import Fleet
    from kilowatch.core.reading import ReadingBatch

HOUR_MS = 3_600_000
QUIET_HEARTBEAT_S = 25 * 3600.0
"""A lamp that is on every evening says nothing for just under a day."""

_LEAST_GAPS = 24
# More than an hour at a reading a second: the bound on what one talkative device may cost.
_MOST_GAPS = 4096
_STEADY_SHARE = 0.8
_SLACK = 0.25
_SLACK_MS = 1500
_DAY_MS = 24 * HOUR_MS
_USUAL_S = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)


@dataclass(slots=True)
class _Ear:
    """What one device has been heard to say: times in ms UTC, and the gaps between them."""

    first_ms: int
    last_ms: int
    gaps_ms: list[int] = field(default_factory=list)
    asked: int = 0


class Pace:
    """Listens to the devices of which nobody has said how often they speak."""

    frozen_also: ClassVar[tuple[str, ...]] = ("_met",)
    frozen_types: ClassVar[tuple[type, ...]] = (_Ear,)

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._met = 0
        self._unknown: set[int] = set()
        self._ears: dict[int, _Ear] = {}

    def reserve(self) -> None:
        """Take in devices that joined the fleet."""
        for slot in range(self._met, len(self._fleet)):
            self.ask(slot)
        self._met = len(self._fleet)

    def ask(self, slot: int) -> None:
        """Look at a device's record again: listen to it for as long as that says nothing of its pace."""
        if self._fleet.paced[slot]:
            self._unknown.discard(slot)
            self._ears.pop(slot, None)
        else:
            self._unknown.add(slot)

    def parts(self, batch: ReadingBatch) -> Iterator[tuple[ReadingBatch, DeviceRecord | None]]:
        """Yield a batch in pieces, each up to the reading at which a device's pace is found, with its new record.

        The last piece has none. Who takes the record over before asking for the next piece makes any cut of a stream
        tell the same.
        """
        if not self._unknown:
            yield batch, None
            return
        begin = 0
        heard = np.flatnonzero(np.isin(batch.slot, np.fromiter(self._unknown, dtype=np.int32)))
        # A loop over readings, but only over those of devices whose pace is not known yet.
        for row in heard.tolist():
            slot = int(batch.slot[row])
            record = self._hear(slot, int(batch.ts_ms[row])) if slot in self._unknown else None
            if record is not None:
                yield batch.take(slice(begin, row + 1)), record
                begin = row + 1
        yield (batch if begin == 0 else batch.take(slice(begin, None))), None

    def _hear(self, slot: int, ts_ms: int) -> DeviceRecord | None:
        ear = self._ears.setdefault(slot, _Ear(ts_ms, ts_ms))
        gap_ms = ts_ms - ear.last_ms
        if abs(gap_ms) > _DAY_MS:
            # a clock that was set, or one that is not: what came before says nothing of the gaps to come
            self._ears[slot] = _Ear(ts_ms, ts_ms)
            return None
        if gap_ms <= 0:
            return None
        ear.last_ms = ts_ms
        if len(ear.gaps_ms) < _MOST_GAPS:
            ear.gaps_ms.append(gap_ms)
        return self._judged(slot, ear)

    def _judged(self, slot: int, ear: _Ear) -> DeviceRecord | None:
        """Return the record of a device whose pace can be told; asked again at each tenth more gaps."""
        span_ms = ear.last_ms - ear.first_ms
        if span_ms >= _DAY_MS:
            return self._record(slot, ear.gaps_ms)
        if len(ear.gaps_ms) < _LEAST_GAPS or span_ms < HOUR_MS or len(ear.gaps_ms) < 1.1 * ear.asked:
            return None
        # Every look goes through all gaps: at each tenth more, they add up to some ten looks at the last list.
        ear.asked = len(ear.gaps_ms)
        return self._record(slot, ear.gaps_ms) if is_steady(ear.gaps_ms) else None

    def _record(self, slot: int, gaps_ms: list[int]) -> DeviceRecord:
        record, interval_s = self._fleet.records[slot], usual_s(float(np.median(gaps_ms)) / 1000)
        if is_steady(gaps_ms):
            return msgspec.structs.replace(record, interval_s=interval_s)
        return msgspec.structs.replace(
            record,
            # How often its power changes says nothing of the grid: a value that holds can be laid on the finest.
            interval_s=min(interval_s, DEFAULT_INTERVAL_S),
            reporting=Reporting.ON_CHANGE,
            heartbeat_s=max(QUIET_HEARTBEAT_S, 2.0 * max(gaps_ms) / 1000),
        )


def is_steady(gaps_ms: list[int]) -> bool:
    """Return whether most gaps are about the same."""
    gaps = np.array(gaps_ms)
    middle = float(np.median(gaps))
    return bool((np.abs(gaps - middle) <= max(_SLACK * middle, _SLACK_MS)).mean() >= _STEADY_SHARE)


def usual_s(interval_s: float) -> float:
    """Return an interval as somebody would have set it, where it is within a tenth of that, s."""
    nearest = min(_USUAL_S, key=lambda one: abs(one - interval_s))
    return nearest if abs(nearest - interval_s) <= 0.1 * nearest else round(interval_s, 1)
