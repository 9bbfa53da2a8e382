"""What a reading tells by its place in time: late, repeated, on a clock that went back, or history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_reasons import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.clean_past import Past
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.segments import Segments

STEP_BACK_MS = 60_000
"""Smaller steps back are a clock being set: the device soon catches up with itself."""
JUMP_AFTER = 5
"""So many readings in a row on the earlier clock are believed; four stragglers are not."""


@dataclass(slots=True)
class _Place:
    """Where one device stands while its rows are followed one by one."""

    newest_ms: int
    newest_seq: int
    late_run: int
    seen_ms: int
    seen_received_ms: int

    def judge(self, ts_ms: int, seq: int, received_ms: int, *, moved: bool, history: bool, hold_ms: int) -> int:
        """Return the reason of the next row and move on."""
        reason = self._verdict(ts_ms, seq, received_ms, moved=moved, history=history, hold_ms=hold_ms)
        if reason in {Reason.NONE, Reason.CLOCK_JUMP}:
            self.newest_ms, self.newest_seq, self.late_run = ts_ms, seq, 0
        # Rejected readings count here: a clock that went back is known by its own steps from there on.
        self.seen_ms, self.seen_received_ms = ts_ms, received_ms
        return reason

    def _verdict(self, ts_ms: int, seq: int, received_ms: int, *, moved: bool, history: bool, hold_ms: int) -> int:
        if (ts_ms, seq) > (self.newest_ms, self.newest_seq):
            return Reason.NONE
        if ts_ms == self.newest_ms:
            return Reason.LATE if moved or seq < self.newest_seq else Reason.DUPLICATE
        # Only what keeps the pace of its own times shows a clock: a drained backlog comes faster.
        step_ms = ts_ms - self.seen_ms
        waited_ms = received_ms - self.seen_received_ms
        steady = 0 < step_ms <= min(hold_ms, 2 * waited_ms) and waited_ms <= 2 * step_ms
        # What its sender calls history may be old without any clock having moved.
        far = self.newest_ms - ts_ms > STEP_BACK_MS and not history
        self.late_run = 0 if not far else self.late_run + 1 if steady and self.late_run else 1
        return Reason.CLOCK_JUMP if self.late_run >= JUMP_AFTER else Reason.LATE


def judge_order(
    readings: ReadingBatch,
    segments: Segments,
    past: Past,
    moved: NDArray[np.bool_],
    hold_ms: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Return the reasons uint8[n]; `moved` rows carry their time of arrival, hold_ms int64[n] is the device's.

    A running maximum decides where a device's times only grow or fall behind a little. Devices that may be on
    an earlier clock are followed row by row, because each verdict then rests on the one before.
    """
    before_ms = past.newest_ms[segments.slot]
    newest_ms = segments.running_max(readings.ts_ms, before_ms)
    behind_ms = segments.shift(newest_ms, before_ms) - readings.ts_ms
    reason = np.zeros(segments.size, dtype=np.uint8)
    # Moved to its time of arrival a reading may meet another by chance: that repeats nothing.
    tie = behind_ms == 0
    reason[tie] = np.where(moved[tie], np.uint8(Reason.LATE), np.uint8(Reason.DUPLICATE))
    reason[behind_ms > 0] = Reason.LATE
    # Where sequence numbers are sent, a reading of the same instant may be a new one.
    doubtful = (behind_ms > STEP_BACK_MS) | (tie if readings.seq is not None else False)
    follow = past.late_run[segments.slot] > 0
    follow[segments.of_row[doubtful]] = True
    for segment in np.flatnonzero(follow):
        rows = slice(segments.starts[segment], segments.starts[segment] + segments.lengths[segment])
        place = _place(past, int(segments.slot[segment]), readings)
        reason[rows] = _follow(place, readings, rows, moved, int(hold_ms[rows.start]))
        past.late_run[segments.slot[segment]] = place.late_run
    return reason


def _place(past: Past, slot: int, readings: ReadingBatch) -> _Place:
    seen_ms = int(past.seen_ms[slot])
    newest_seq = -1 if readings.seq is None else int(past.newest_seq[slot])
    # Files have no times of arrival: each reading counts as come when it was due.
    seen_received_ms = seen_ms if readings.received_ms is None else int(past.seen_received_ms[slot])
    return _Place(int(past.newest_ms[slot]), newest_seq, int(past.late_run[slot]), seen_ms, seen_received_ms)


def _follow(place: _Place, readings: ReadingBatch, rows: slice, moved: NDArray[np.bool_], hold_ms: int) -> list[int]:
    ts_ms = readings.ts_ms[rows].tolist()
    size = len(ts_ms)
    seq = [-1] * size if readings.seq is None else readings.seq[rows].tolist()
    received = ts_ms if readings.received_ms is None else readings.received_ms[rows].tolist()
    history = [False] * size if readings.backfill is None else readings.backfill[rows].tolist()
    columns = zip(ts_ms, seq, received, moved[rows].tolist(), history, strict=True)
    return [place.judge(t, s, r, moved=m, history=h, hold_ms=hold_ms) for t, s, r, m, h in columns]
