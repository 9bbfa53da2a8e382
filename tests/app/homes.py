"""Days of small synthetic devices for the tests of app: a meter with a daily rhythm, a fast plug, an on-change plug."""

from __future__ import annotations

import numpy as np

from kilowatch.core.device import DeviceRecord, Fleet, Kind, Reporting
from kilowatch.core.reading import ReadingBatch

START_MS = 1_767_571_200_000
"""Monday 2026-01-05 00:00 UTC."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def fleet() -> Fleet:
    return Fleet(
        [
            DeviceRecord(site="home", device="meter", kind=Kind.METER, interval_s=30.0, protected=False),
            DeviceRecord(site="home", device="heater", kind=Kind.HEATER, interval_s=10.0, protected=False),
            DeviceRecord(
                site="home",
                device="lamp",
                kind=Kind.LAMP,
                interval_s=10.0,
                reporting=Reporting.ON_CHANGE,
                heartbeat_s=1800.0,
                protected=False,
            ),
        ]
    )


def meter(days: float, seed: int = 0) -> ReadingBatch:
    rng = np.random.default_rng(seed)
    ts_ms = START_MS + np.arange(round(days * 2880), dtype=np.int64) * 30_000
    hours = (ts_ms - START_MS) / HOUR_MS
    power_w = 500 + 300 * np.sin((hours - 9) * np.pi / 12) + rng.normal(0, 15, len(ts_ms))
    return _of(0, ts_ms, power_w)


def heater(days: float, seed: int = 1) -> ReadingBatch:
    """A thermostat: 10 to 14 min on, 20 to 30 off."""
    rng = np.random.default_rng(seed)
    ts_ms = START_MS + np.arange(round(days * 8640), dtype=np.int64) * 10_000
    runs = np.ravel(np.column_stack([rng.uniform(600, 840, 4000), rng.uniform(1200, 1800, 4000)]))
    edges = START_MS + np.cumsum(runs * 1000)
    on = np.searchsorted(edges, ts_ms) % 2 == 0
    return _of(1, ts_ms, np.where(on, 1500 + rng.normal(0, 5, len(ts_ms)), 0.0))


def lamp(days: float) -> ReadingBatch:
    """On from 18 to 23, told when it changes and every quarter of an hour."""
    ts_ms = START_MS + np.arange(round(days * 96), dtype=np.int64) * 900_000
    hour = (ts_ms - START_MS) / HOUR_MS % 24
    return _of(2, ts_ms, np.where((hour >= 18) & (hour < 23), 40.0, 0.0))


def home(days: float, seed: int = 0) -> ReadingBatch:
    whole = ReadingBatch.join([meter(days, seed), heater(days, seed + 1), lamp(days)])
    return whole.take(np.argsort(whole.ts_ms, kind="stable"))


def without(batch: ReadingBatch, slot: int, from_ms: int, to_ms: int) -> ReadingBatch:
    return batch.take(~((batch.slot == slot) & (batch.ts_ms >= from_ms) & (batch.ts_ms < to_ms)))


def with_power(batch: ReadingBatch, slot: int, from_ms: int, to_ms: int, power_w: float) -> ReadingBatch:
    changed = batch.power_w.copy()
    changed[(batch.slot == slot) & (batch.ts_ms >= from_ms) & (batch.ts_ms < to_ms)] = power_w
    return ReadingBatch(batch.slot, batch.ts_ms, changed)


def _of(slot: int, ts_ms: np.ndarray[tuple[int], np.dtype[np.int64]], power_w: object) -> ReadingBatch:
    return ReadingBatch(np.full(len(ts_ms), slot, dtype=np.int32), ts_ms, np.maximum(np.asarray(power_w), 0.0))
