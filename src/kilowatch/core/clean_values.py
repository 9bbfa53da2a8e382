"""What a reading tells by itself: its time, its power, and its power against voltage times current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_reasons import Reason
from kilowatch.core.quantise import HIGHEST_W
from kilowatch.core.reading import EARLIEST_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.reading import ReadingBatch

LATEST_MS = 4_102_444_800_000
"""2100-01-01: a clock that says so has not been set."""
AHEAD_MS = 60_000
"""A clock may be so far ahead of arrival (CONTRACTS, identity and time)."""
OVER_RATING = 4.0
"""Motors and compressors draw several times their rating for a moment; nothing reads four times as much."""
ZERO_W = 1e-6
"""COMBED's meters write 1e-17 W for zero; real power is never that small."""
NOISE_W = 1.0
NOISE_SHARE = 1e-3
"""Below zero by less than 1 W, or by less than a thousandth of the rating, is a meter's offset."""
SLIP = 1000.0
FULL_VA = 100.0
SOME_VA = 10.0
"""Under 100 VA standby loads may have a power factor of a thousandth; over 10 VA current is no longer noise."""


def judge_time(readings: ReadingBatch) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return ts_ms with clocks that run ahead set back to arrival, and the reasons uint8[n]."""
    ts_ms, received_ms = readings.ts_ms, readings.received_ms
    unset = (ts_ms < EARLIEST_MS) | (ts_ms >= LATEST_MS)
    reason = np.where(unset, np.uint8(Reason.BAD_TIME), np.uint8(Reason.NONE))
    if received_ms is None:
        return ts_ms, reason
    ahead = (ts_ms > received_ms + AHEAD_MS) & (received_ms >= EARLIEST_MS) & ~unset
    if not ahead.any():
        return ts_ms, reason
    reason[ahead] = Reason.CLOCK_AHEAD
    return np.where(ahead, received_ms, ts_ms), reason


def judge_power(readings: ReadingBatch, rating_w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return watts with slips and noise repaired, and the reasons uint8[n]; rating_w[n] is inf where unknown."""
    power_w, reason = _unslipped(readings)
    limit_w = np.minimum(OVER_RATING * rating_w, HIGHEST_W)
    fine = (power_w <= limit_w) & ((power_w >= ZERO_W) | (power_w == 0))
    odd = np.flatnonzero(~fine)
    if len(odd):
        found = _odd_reason(power_w[odd], limit_w[odd], rating_w[odd])
        power_w[odd] = np.where(found == Reason.FLOAT_NOISE, 0.0, power_w[odd])
        reason[odd] = np.maximum(reason[odd], found)
    return power_w, reason


def _odd_reason(
    power_w: NDArray[np.float64], limit_w: NDArray[np.float64], rating_w: NDArray[np.float64]
) -> NDArray[np.uint8]:
    noise_w = np.maximum(NOISE_W, np.where(np.isinf(rating_w), 0.0, NOISE_SHARE * rating_w))
    reason = np.full(len(power_w), Reason.NEGATIVE, dtype=np.uint8)
    reason[power_w > -noise_w] = Reason.FLOAT_NOISE
    reason[power_w > limit_w] = Reason.IMPOSSIBLE_POWER
    reason[~np.isfinite(power_w)] = Reason.NOT_A_NUMBER
    return reason


def _unslipped(readings: ReadingBatch) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    power_w = readings.power_w + 0.0  # a copy in which -0.0 is 0.0
    reason = np.zeros(len(power_w), dtype=np.uint8)
    if readings.voltage_v is None or readings.current_a is None:
        return power_w, reason
    with np.errstate(over="ignore", invalid="ignore"):
        apparent_va = readings.voltage_v.astype(np.float64) * readings.current_a
        # Up to 3.3 in one direction alone: current is told of one phase and power of three (docs/cleaning.md).
        in_kilowatts = _within(SLIP * power_w, apparent_va, 0.5, 1.1) & (apparent_va >= FULL_VA)
        in_milliwatts = _within(power_w / SLIP, apparent_va, 0.5, 3.3) & (apparent_va >= SOME_VA)
    power_w[in_kilowatts] *= SLIP
    power_w[in_milliwatts] /= SLIP
    reason[in_kilowatts | in_milliwatts] = Reason.UNIT_SLIP
    return power_w, reason


def _within(
    power_w: NDArray[np.float64], apparent_va: NDArray[np.float64], low: float, high: float
) -> NDArray[np.bool_]:
    return (power_w >= low * apparent_va) & (power_w <= high * apparent_va)
