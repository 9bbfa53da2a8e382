"""History as the metric processor writes it: each sample once, whoever dies, on both databases, and not for ever."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.metrics.streams import READINGS, START_MS, Log, MemoryCheckpoint, People, reading, tick
from kilowatch.app.metrics.checkpoint import DatabaseCheckpoint
from kilowatch.app.metrics.service import MetricService
from kilowatch.app.metrics.units import Readings
from kilowatch.core.device import DeviceRecord, Kind, Reporting
from kilowatch.core.history import DAY_MS, FIVE_MINUTES_MS, Buckets, Retention
from kilowatch.core.tariff import Tariff
from kilowatch.links.history.postgres import DatabaseHistory
from links.databases import database, database_url

if TYPE_CHECKING:
    from kilowatch.app.metrics.ports import Checkpoint
    from kilowatch.links.database import Database

__all__ = ["database", "database_url"]

HOUR_S = 3600


def service_on(checkpoint: Checkpoint, people: People | None = None, *, keeps_past: bool = True) -> MetricService:
    new_readings = partial(Readings, Tariff.flat(0.3), people or People(), keeps_past=keeps_past)
    return MetricService(checkpoint, new_readings, time.monotonic, save_every_s=1e9)


def hours_of_readings(hours: float, device: str = "fridge") -> Log:
    """A reading every 30 s that draws the number of its five minutes, and a tick that ends the last of them."""
    log = Log()
    for second in range(30, int(hours * HOUR_S) + 1, 30):
        log.append(READINGS, reading(second, 100.0 + (second - 1) // 300, device))
    log.append(READINGS, tick(hours * HOUR_S + 3600))
    return log


def joined(checkpoint: MemoryCheckpoint) -> Buckets:
    return Buckets.join([part.buckets for part in checkpoint.past]).grouped(FIVE_MINUTES_MS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=12))
def test_a_death_at_any_moment_loses_and_doubles_no_sample(steps: list[tuple[int, bool]]) -> None:
    log, checkpoint = hours_of_readings(3), MemoryCheckpoint()
    service = service_on(checkpoint)
    service.assigned([READINGS])
    for most, dies in [*steps, (10_000, False)]:
        for batch in log.poll(most):
            service._take(batch)
        if dies:
            service = service_on(checkpoint)
            log.at = dict(service.assigned([READINGS]))
        else:
            service.save()
    buckets = joined(checkpoint)
    assert buckets.start_ms.tolist() == [START_MS + number * FIVE_MINUTES_MS for number in range(36)]
    assert buckets.samples.tolist() == [10] * 36
    np.testing.assert_allclose(buckets.mean_w, 100 + np.arange(36), rtol=1e-3)
    np.testing.assert_allclose(buckets.max_w, 100 + np.arange(36), rtol=1e-3)


def test_a_plug_that_speaks_on_change_weighs_as_long_as_it_holds() -> None:
    kettle = DeviceRecord(
        site="home",
        device="fridge",
        kind=Kind.KETTLE,
        interval_s=10.0,
        reporting=Reporting.ON_CHANGE,
        heartbeat_s=3600.0,
    )
    people = People({("home", "fridge"): kettle})
    checkpoint, log = MemoryCheckpoint(), Log()
    log.append(READINGS, reading(0, 0.0), reading(600, 2000.0), reading(660, 0.0), tick(1800))
    service = service_on(checkpoint, people)
    service.assigned([READINGS])
    service.step(log)
    service.save()
    by_start = dict(zip(joined(checkpoint).start_ms.tolist(), joined(checkpoint).mean_w.tolist(), strict=True))
    assert by_start[START_MS + 600_000] == pytest.approx(2000 / 5, rel=1e-3)
    assert by_start[START_MS + 300_000] == by_start[START_MS + 900_000] == 0.0


def test_open_five_minutes_wait_and_an_edge_keeps_its_own_history() -> None:
    checkpoint, log = MemoryCheckpoint(), Log()
    log.append(READINGS, *(reading(second, 50.0) for second in range(30, 540, 30)))
    service = service_on(checkpoint)
    service.assigned([READINGS])
    service.step(log)
    service.save()
    assert joined(checkpoint).start_ms.tolist() == [START_MS]
    edge = service_on(MemoryCheckpoint(), keeps_past=False)
    edge.assigned([READINGS])
    edge.step(hours_of_readings(1))
    edge.save()
    assert edge.checkpoint.past == []  # type: ignore[attr-defined]


def test_a_state_from_before_history_was_kept_is_taken_up() -> None:
    checkpoint, log = MemoryCheckpoint(), hours_of_readings(2)
    before = service_on(checkpoint, keeps_past=False)
    before.assigned([READINGS])
    for batch in log.poll(120):
        before._take(batch)
    before.save()
    after = service_on(checkpoint)
    assert after.assigned([READINGS]) == {READINGS: 120}
    after.step(log)
    after.save()
    assert joined(checkpoint).start_ms.tolist() == [START_MS + number * FIVE_MINUTES_MS for number in range(12, 24)]


def test_what_is_kept_can_be_looked_at_and_is_forgotten_in_time(database: Database) -> None:
    service = service_on(DatabaseCheckpoint(database))
    service.assigned([READINGS])
    log = hours_of_readings(3)
    for _ in range(4):
        for batch in log.poll(100):
            service._take(batch)
        service.save()
    history = DatabaseHistory(database, Retention(five_minute_days=1))
    end_ms = START_MS + 3 * HOUR_S * 1000
    series = history.query("home", "fridge", START_MS, end_ms, 480)
    assert series.step_ms == FIVE_MINUTES_MS
    assert series.buckets.samples.tolist() == [10] * 36
    np.testing.assert_allclose(series.buckets.mean_w, 100 + np.arange(36), rtol=1e-3)
    assert np.isnan(series.buckets.score).all()
    history.expire(START_MS + DAY_MS + 2 * HOUR_S * 1000)
    assert len(history.query("home", "fridge", START_MS, end_ms, 480).buckets) == 12
