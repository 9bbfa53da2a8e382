"""What the energy register tells of itself: steps, resets, wraps and jumps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_reasons import Reason
from kilowatch.core.clean_values import OVER_RATING
from kilowatch.core.quantise import HIGHEST_W

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.clean_pairs import Pairs
    from kilowatch.core.clean_past import Past
    from kilowatch.core.reading import ReadingBatch

MS_PER_HOUR = 3_600_000.0
LAST_DIGITS_WH = np.sort(np.concatenate([10.0 ** np.arange(5, 11), 2.0 ** np.array([16, 24, 31, 32])]))
"""Where registers begin again: all nines of a dial in Wh, kWh or tenths of them, or the end of a binary word."""
WRAP_SHARE = 0.01
"""Energy used while the register passed its end, as a share of its range; more is taken for a reset."""
MOST_WH = 1e15
"""What the world uses in a fortnight: beyond, a register is not one."""
FALL_WH = 1.0
FALL_SHARE = 2.0**-22
"""A register may waver by two float32 steps of itself without having been reset."""
AMPLE_W = 1e5
AMPLE_TIMES = 10.0
"""Without a rating, a mean above 100 kW and ten times the power at both ends cannot be drawn."""
CLEAR_GRAINS = 4.0
"""A step of so many float32 grains of the register is known to a quarter or better."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Energy between a device's register readings, of n rows.

    step_wh, mean_w float64[n]: the step and its mean power, NaN where they cannot be told · register_wh
    float64[n]: the last register known · since_ms int64[n]: the time the step took · reason uint8[n].
    """

    step_wh: NDArray[np.float64]
    mean_w: NDArray[np.float64]
    register_wh: NDArray[np.float64]
    since_ms: NDArray[np.int64]
    reason: NDArray[np.uint8]

    def clear(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return where the steps at `rows` stand well above the grain of a float32 register."""
        grain_wh = np.spacing(self.register_wh[rows].astype(np.float32)).astype(np.float64)
        return self.step_wh[rows] >= CLEAR_GRAINS * grain_wh


def read_register(
    register_wh: NDArray[np.float64], readings: ReadingBatch, pairs: Pairs, past: Past, rating_w: NDArray[np.float64]
) -> Steps:
    """Return the steps since each device's last register reading, and remember the register; rating_w float64[n]."""
    steps = _steps(register_wh, readings.ts_ms, pairs, past)
    ample_w = np.maximum(AMPLE_W, AMPLE_TIMES * np.maximum(readings.power_w, pairs.before_w))
    most_w = np.minimum(np.minimum(OVER_RATING * rating_w, HIGHEST_W), ample_w)
    impossible = steps.mean_w > most_w
    silent = (steps.step_wh > 0) & ~pairs.near & (steps.since_ms > 0)
    steps.reason[impossible | silent] = Reason.ENERGY_JUMP
    # A step over a silence stays: its energy was used, only nobody knows when.
    steps.step_wh[impossible] = np.nan
    falls = np.flatnonzero(steps.step_wh < 0)
    if len(falls):
        _mend_falls(steps, falls, most_w)
    return steps


def _steps(register_wh: NDArray[np.float64], ts_ms: NDArray[np.int64], pairs: Pairs, past: Past) -> Steps:
    segments, slot = pairs.segments, pairs.segments.slot
    before_wh, before_ms = past.energy_wh[slot], past.energy_ms[slot]
    known = (register_wh >= 0) & (register_wh <= MOST_WH)
    last_wh, last_ms = register_wh, ts_ms
    # Live meters seldom send a bad register: most batches are spared both passes.
    if not known.all():
        last_wh = segments.fill_forward(register_wh, known, before_wh)
        last_ms = segments.fill_forward(ts_ms, known, before_ms)
    past.energy_wh[slot], past.energy_ms[slot] = last_wh[segments.ends], last_ms[segments.ends]
    since_ms = ts_ms - segments.shift(last_ms, before_ms)
    usable = known & (since_ms >= 0)
    step_wh = np.where(usable, last_wh - segments.shift(last_wh, before_wh), np.nan)
    mean_w = step_wh * MS_PER_HOUR / np.where(since_ms > 0, since_ms, np.nan)
    return Steps(step_wh, mean_w, last_wh, since_ms, np.zeros(segments.size, dtype=np.uint8))


def _mend_falls(steps: Steps, rows: NDArray[np.intp], most_w: NDArray[np.float64]) -> None:
    now_wh = steps.register_wh[rows]
    before_wh = now_wh - steps.step_wh[rows]
    wavers = -steps.step_wh[rows] <= np.maximum(FALL_WH, FALL_SHARE * before_wh)
    possible_wh = most_w[rows] * steps.since_ms[rows] / MS_PER_HOUR
    # Searched without its last element, so that no place lies past the end; `wraps` asks again whether it fits.
    end_wh = LAST_DIGITS_WH[np.searchsorted(LAST_DIGITS_WH[:-1], before_wh)]
    wrapped_wh = end_wh - before_wh + now_wh
    wraps = ~wavers & (before_wh <= end_wh) & (wrapped_wh <= np.minimum(WRAP_SHARE * end_wh, possible_wh))
    from_zero_wh = np.where(now_wh <= possible_wh, now_wh, np.nan)
    steps.step_wh[rows] = np.select([wavers, wraps], [0.0, wrapped_wh], from_zero_wh)
    # A mended step is a repair, and no repair of the power may rest on it.
    steps.mean_w[rows] = np.nan
    found = np.select([wavers, wraps], [Reason.NONE, Reason.COUNTER_WRAP], Reason.COUNTER_RESET)
    steps.reason[rows] = np.maximum(steps.reason[rows], found.astype(np.uint8))
