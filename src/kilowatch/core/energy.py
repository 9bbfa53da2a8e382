"""From clean readings to energy: each power holds until the next reading, the register corrects where there is one.

A reading says what its device draws until the next one, but for no longer than the device's hold: beyond lies a
silence. Where a register tells what was used, its step replaces the integrated power of its interval, and covers
the silences in it; until the next register reading comes, integrated energy is *loose*. All is whole milliwatts,
milliseconds and microjoules, and nothing is cut but at quarters of an hour, so any cut of a stream into batches gives
the same sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_register import MOST_WH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.clean import CleanBatch

QUARTER_MS = 900_000
"""Local hours and days of every zone begin at a whole quarter of an hour UTC."""
LONGEST_MS = 31 * 86_400_000
"""A device silent for longer starts anew: nobody can say on which days it used what its register gained."""
BRIDGE_MS = 12 * 3_600_000
"""A device that sends power, but no register for so long, is integrated again."""
_UJ_PER_WH = 3.6e9
_MOST_STEP_WH = 2.5e9
"""Above, a step in microjoules leaves int64: its power is integrated instead."""


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of each segment's device from earlier batches, int64[s]; times are 0 where there is none.

    ts_ms, power_mw: its last reading · register_ms: its last register reading.
    """

    ts_ms: NDArray[np.int64]
    power_mw: NDArray[np.int64]
    register_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretches:
    """The way from the reading before to each of n rows, in the order of `CleanBatch.readings`.

    from_ms, held_ms, until_ms int64[n]: the power before held over [from, held), silence over [held, until); equal
    where there is no reading before · power_mw: of the row · before_mw: of the reading before · register_ms: the
    register reading before the row, 0 for none · step_uj: energy by the register since then, -1 where it tells none ·
    decides: whether the row settles what is loose · follows: whether a reading before is known, bool[n].
    """

    slot: NDArray[np.int32]
    from_ms: NDArray[np.int64]
    held_ms: NDArray[np.int64]
    until_ms: NDArray[np.int64]
    power_mw: NDArray[np.int64]
    before_mw: NDArray[np.int64]
    register_ms: NDArray[np.int64]
    step_uj: NDArray[np.int64]
    decides: NDArray[np.bool_]
    follows: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of spans of time, none across a quarter of an hour: row intp[m] is the span, [low, high) int64[m] ms."""

    row: NDArray[np.intp]
    low_ms: NDArray[np.int64]
    high_ms: NDArray[np.int64]

    @property
    def lasts_ms(self) -> NDArray[np.int64]:
        """How long each piece lasts."""
        return self.high_ms - self.low_ms


def stretch(clean: CleanBatch, before: Before, hold_ms: NDArray[np.int64]) -> tuple[Stretches, Before]:
    """Return the stretches that end at each clean reading, and what is known of each segment after them.

    hold_ms: int64[n], how long each row's device holds a value.
    """
    readings, segments = clean.readings, clean.segments
    ts_ms = readings.ts_ms
    power_mw = np.rint(readings.power_w * 1000.0).astype(np.int64)
    from_ms = segments.shift(ts_ms, before.ts_ms)
    follows = (from_ms > 0) & (ts_ms > from_ms) & (ts_ms - from_ms <= LONGEST_MS)
    has_register = _has_register(clean)
    known_ms = segments.fill_forward(ts_ms, has_register, before.register_ms)
    register_ms = segments.shift(known_ms, before.register_ms)
    lapsed = (register_ms == 0) | (ts_ms - register_ms > BRIDGE_MS) | (ts_ms < register_ms)
    # After a lapse what was integrated stands, and the step of the register would count it once more: it is taken only
    # where nothing was read since the register before.
    usable = has_register & follows & (clean.energy_step_wh <= _MOST_STEP_WH) & (~lapsed | (register_ms == from_ms))
    step_uj = np.full(len(ts_ms), -1, dtype=np.int64)
    step_uj[usable] = np.rint(clean.energy_step_wh[usable] * _UJ_PER_WH).astype(np.int64)
    from_ms = np.where(follows, from_ms, ts_ms)
    stretches = Stretches(
        slot=readings.slot,
        from_ms=from_ms,
        held_ms=np.minimum(ts_ms, from_ms + hold_ms),
        until_ms=ts_ms,
        power_mw=power_mw,
        before_mw=segments.shift(power_mw, before.power_mw),
        register_ms=register_ms,
        step_uj=step_uj,
        decides=has_register | lapsed,
        follows=follows,
    )
    ends = segments.ends
    return stretches, Before(ts_ms[ends], power_mw[ends], known_ms[ends])


def _has_register(clean: CleanBatch) -> NDArray[np.bool_]:
    register_wh = clean.readings.energy_wh
    if register_wh is None:
        return np.zeros(len(clean.readings), dtype=np.bool_)
    # As `clean_register` has it: what is no register there must not settle loose energy here.
    return (register_wh >= 0) & (register_wh <= MOST_WH)


def cut(from_ms: NDArray[np.int64], until_ms: NDArray[np.int64]) -> Pieces:
    """Return the parts of each span [from, until) within one quarter of an hour, in order; an empty span has none."""
    first = from_ms // QUARTER_MS
    parts = np.where(until_ms > from_ms, -(-until_ms // QUARTER_MS) - first, 0)
    row = np.repeat(np.arange(len(parts)), parts)
    # Most readings follow each other within a quarter of an hour, and nothing is to be cut.
    if len(row) == 0 or parts.max() == 1:
        return Pieces(row, from_ms[row], until_ms[row])
    quarter = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)
    low_ms = np.maximum(from_ms[row], quarter * QUARTER_MS)
    return Pieces(row, low_ms, np.minimum(until_ms[row], (quarter + 1) * QUARTER_MS))


def share_out(
    amount: NDArray[np.int64], from_ms: NDArray[np.int64], until_ms: NDArray[np.int64], pieces: Pieces
) -> NDArray[np.int64]:
    """Return each piece's share of its span's amount by time, int64[m]; the shares of a span add up to its amount."""
    row = pieces.row
    lasts = (until_ms - from_ms)[row].astype(np.float64)
    # A piece begins where the one before ends, by the same arithmetic: rounded borders leave nothing over.
    low = np.rint(amount[row] * ((pieces.low_ms - from_ms[row]) / lasts))
    high = np.rint(amount[row] * ((pieces.high_ms - from_ms[row]) / lasts))
    return (high - low).astype(np.int64)
