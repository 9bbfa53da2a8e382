"""Devices that nobody has described: a lamp that speaks when it is switched, a plug every 300 s, one that sleeps."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from app.homes import DAY_MS, HOUR_MS, START_MS
from kilowatch.app.pipeline import Pipeline
from kilowatch.core.clean_reasons import Reason
from kilowatch.core.device import Fleet, Reporting, first_seen
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.registry import create
from kilowatch.links.memory import MemoryHistory

DAYS = 8
NAMES = ("lamp", "tasmota", "zigbee")


def lamp(rng: np.random.Generator) -> tuple[list[int], list[float]]:
    day = ((7.0, 30.0), (7.5, 0.0), (18.0, 40.0), (20.0, 60.0), (23.0, 0.0))
    rows = [(START_MS + d * DAY_MS + int((h + rng.normal(0, 0.1)) * HOUR_MS), w) for d in range(DAYS) for h, w in day]
    return [ts_ms for ts_ms, _ in rows], [power_w for _, power_w in rows]


def tasmota(_: np.random.Generator) -> tuple[list[int], list[float]]:
    times = list(range(START_MS, START_MS + DAYS * DAY_MS, 300_000))
    return times, [11.0] * len(times)


def zigbee(rng: np.random.Generator) -> tuple[list[int], list[float]]:
    """Speaks when its power changes, and sleeps for six hours now and then."""
    times, ts_ms = [], START_MS
    while ts_ms < START_MS + DAYS * DAY_MS:
        ts_ms += 5000 + int(rng.exponential(1_200_000)) + (6 * HOUR_MS if rng.random() < 0.02 else 0)
        times.append(ts_ms)
    return times, rng.choice([0.0, 5.0, 80.0, 300.0], len(times)).tolist()


@pytest.fixture(scope="module")
def week() -> tuple[Pipeline, Counter[str]]:
    rng = np.random.default_rng(1)
    parts = [made(rng) for made in (lamp, tasmota, zigbee)]
    slot = np.repeat(np.arange(3, dtype=np.int32), [len(times) for times, _ in parts])
    ts_ms = np.concatenate([times for times, _ in parts])
    power_w = np.concatenate([watts for _, watts in parts])
    order = np.argsort(ts_ms, kind="stable")
    register_wh = np.where(slot == 1, 11.0 * (ts_ms - START_MS) / HOUR_MS, np.nan)
    whole = ReadingBatch(slot[order], ts_ms[order], power_w[order], energy_wh=register_wh[order])
    pipeline = Pipeline(Fleet([first_seen("home", name) for name in NAMES]), create("fleet"), MemoryHistory())
    rules: Counter[str] = Counter()
    for hour in range(0, DAYS * 24, 6):
        begin_ms = START_MS + hour * HOUR_MS
        part = whole.take((whole.ts_ms >= begin_ms) & (whole.ts_ms < begin_ms + 6 * HOUR_MS))
        rules.update(event.rule for event in pipeline.step(part).events)
    return pipeline, rules


def test_nobody_is_taken_for_silent(week: tuple[Pipeline, Counter[str]]) -> None:
    assert week[1]["stale"] == 0


def test_nobody_is_taken_for_frozen(week: tuple[Pipeline, Counter[str]]) -> None:
    assert week[0].cleaner.counts[Reason.FROZEN] == 0


def test_how_often_they_speak_is_found(week: tuple[Pipeline, Counter[str]]) -> None:
    found = {record.device: (record.reporting, record.interval_s) for record in week[0].fleet.records}
    assert found["tasmota"] == (Reporting.PERIODIC, 300.0)
    assert found["lamp"][0] is found["zigbee"][0] is Reporting.ON_CHANGE
