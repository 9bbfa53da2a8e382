"""Cleaning: data sense before the model. Every reading is accepted, repaired or rejected, with one reason.

The rules and what they mean are told in docs/cleaning.md. They run in three stages, so that none waits for the
verdict of its own kind on the row before: a reading by itself, its place in time, and what it says beside the
reading accepted before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.core.clean_contradict import find_misread_zeros, find_slips
from kilowatch.core.clean_history import is_history
from kilowatch.core.clean_order import judge_order
from kilowatch.core.clean_pairs import Pairs, find_frozen
from kilowatch.core.clean_past import UNKNOWN_AGE_MS, Past
from kilowatch.core.clean_reasons import OUTCOME_OF, Outcome, Reason
from kilowatch.core.clean_register import read_register
from kilowatch.core.clean_values import SLIP, judge_power, judge_time
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.clean_register import Steps
    from kilowatch.core.device import Fleet

__all__ = ["CleanBatch", "Cleaner", "Outcome", "Reason"]

LATE_AFTER_S = 600.0
"""Older than this on arrival is history (CONTRACTS, identity and time)."""


@dataclass(frozen=True, slots=True)
class CleanBatch:
    """The n readings of a batch that were kept, and the m that were not.

    readings: sorted by device, in event order within each, time and power repaired · segments: of them · reason:
    uint8[n], `Reason` · historical: bool[n], backfill · energy_step_wh: float64[n], energy used since the
    device's last register reading, NaN where it has none or it cannot be told · rejected: m readings as they
    came · rejected_reason: uint8[m] · counts: int64[reasons], readings by reason, both kinds.
    """

    readings: ReadingBatch
    segments: Segments
    reason: NDArray[np.uint8]
    historical: NDArray[np.bool_]
    energy_step_wh: NDArray[np.float64]
    rejected: ReadingBatch
    rejected_reason: NDArray[np.uint8]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.readings)

    @classmethod
    def join(cls, parts: Sequence[CleanBatch]) -> CleanBatch:
        """Return the readings of batches that followed each other as one."""
        joined = ReadingBatch.join([part.readings for part in parts])
        order, segments = Segments.sort(joined.slot)
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])[order]
            for name in ("reason", "historical", "energy_step_wh")
        }
        return cls(
            readings=joined.take(order),
            segments=segments,
            rejected=ReadingBatch.join([part.rejected for part in parts]),
            rejected_reason=np.concatenate([part.rejected_reason for part in parts]),
            counts=np.sum([part.counts for part in parts], axis=0),
            **columns,
        )

    @property
    def outcome(self) -> NDArray[np.uint8]:
        """What became of each kept reading, uint8[n]: accepted or repaired."""
        return OUTCOME_OF[self.reason]

    def outcomes(self) -> dict[Outcome, int]:
        """Return how many of the batch's readings were accepted, repaired and rejected."""
        return {outcome: int(self.counts[outcome == OUTCOME_OF].sum()) for outcome in Outcome}


class Cleaner:
    """Judges readings in the order of their arrival; what it remembers of each device moves on with them."""

    def __init__(self, fleet: Fleet, late_after_s: float = LATE_AFTER_S) -> None:
        self.fleet = fleet
        self.late_after_ms = round(late_after_s * 1000)
        self.counts = np.zeros(len(Reason), dtype=np.int64)
        self._past = Past()

    def clean(self, batch: ReadingBatch) -> CleanBatch:
        """Judge a batch of any mix of devices and times."""
        self._past.reserve(len(self.fleet), batch)
        order, segments = Segments.sort(batch.slot)
        rows = batch.take(order)
        ts_ms, reason = judge_time(rows)
        power_w, power_reason = judge_power(rows, self.fleet.rating_w[rows.slot])
        reason = np.maximum(reason, power_reason)
        judged = replace(rows, ts_ms=ts_ms, power_w=power_w)
        historical = self._place(judged, segments, reason)
        kept = reason < Reason.LATE
        readings, segments = _narrow(judged, segments, kept)
        readings, kept_reason, energy_step_wh = self._compare(readings, segments, reason[kept])
        counts = np.bincount(kept_reason, minlength=len(Reason)) + np.bincount(reason[~kept], minlength=len(Reason))
        self.counts += counts
        return CleanBatch(
            readings=readings,
            segments=segments,
            reason=kept_reason,
            historical=historical[kept],
            energy_step_wh=energy_step_wh,
            rejected=rows.take(~kept),
            rejected_reason=reason[~kept],
            counts=counts,
        )

    def clock_offset_ms(self) -> NDArray[np.int64]:
        """Return int64[devices]: how far each clock runs behind arrival, 0 where nothing is known yet."""
        low_ms = np.minimum(self._past.low_ms, self._past.earlier_low_ms).astype(np.int64)
        offset_ms = np.zeros(len(self.fleet), dtype=np.int64)
        known = low_ms[: len(self.fleet)]
        offset_ms[: len(known)] = np.where(known < UNKNOWN_AGE_MS, known, 0)
        return offset_ms

    def state(self) -> dict[str, NDArray[Any]]:
        """Return every array over slots, by name: the bytes a device costs."""
        return self._past.state()

    def _place(self, judged: ReadingBatch, segments: Segments, reason: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Add the reasons of stage 2 to `reason`; return which rows are history."""
        sound = reason < Reason.LATE
        present, segments = _narrow(judged, segments, sound)
        moved = reason[sound] == Reason.CLOCK_AHEAD
        hold_ms = self.fleet.hold_ms[present.slot]
        # Order first: `is_history` moves on what both go by, the reading seen before.
        reason[sound] = np.maximum(reason[sound], judge_order(present, segments, self._past, moved, hold_ms))
        historical = np.zeros(len(judged), dtype=np.bool_)
        historical[sound] = is_history(present, segments, self._past, self.late_after_ms)
        return historical

    def _compare(
        self, readings: ReadingBatch, segments: Segments, reason: NDArray[np.uint8]
    ) -> tuple[ReadingBatch, NDArray[np.uint8], NDArray[np.float64]]:
        """Run stage 3: return the readings with power repaired, their reasons and energy steps."""
        past, hold_ms = self._past, self.fleet.hold_ms[readings.slot]
        pairs = Pairs.of(readings, segments, past, hold_ms)
        steps = None
        if readings.energy_wh is not None:
            steps = read_register(readings.energy_wh, readings, pairs, past, self.fleet.rating_w[readings.slot])
        counts_on = None if steps is None else steps.step_wh > 0
        reason = np.maximum(reason, find_frozen(readings, pairs, past, hold_ms, counts_on))
        # The rules compare with the power that was sent, so that no repair rests on another repair.
        past.newest_ms[segments.slot] = readings.ts_ms[segments.ends]
        past.power_w[segments.slot] = readings.power_w[segments.ends]
        if readings.seq is not None:
            past.newest_seq[segments.slot] = readings.seq[segments.ends]
        if steps is None:
            return readings, reason, np.full(len(readings), np.nan)
        power_w, power_reason = _uncontradicted(readings.power_w, pairs, steps, past)
        reason = np.maximum(reason, np.maximum(steps.reason, power_reason))
        return replace(readings, power_w=power_w), reason, steps.step_wh


def _uncontradicted(
    power_w: NDArray[np.float64], pairs: Pairs, steps: Steps, past: Past
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    reason = np.zeros(len(power_w), dtype=np.uint8)
    misread = find_misread_zeros(power_w, pairs, steps)
    slips = find_slips(power_w, pairs, steps, past)
    slipped = np.flatnonzero(slips)
    if len(misread) + len(slipped) == 0:
        return power_w, reason
    repaired_w = power_w.copy()
    repaired_w[misread] = pairs.before_w[misread]
    repaired_w[slipped] *= np.where(slips[slipped] > 0, SLIP, 1 / SLIP)
    reason[misread], reason[slipped] = Reason.MISREAD_ZERO, Reason.UNIT_SLIP
    return repaired_w, reason


def _narrow(readings: ReadingBatch, segments: Segments, mask: NDArray[np.bool_]) -> tuple[ReadingBatch, Segments]:
    return (readings, segments) if mask.all() else (readings.take(mask), segments.keep(mask))
