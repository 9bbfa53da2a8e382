from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.core.device import Reporting
from kilowatch.core.reading import ReadingBatch
from kilowatch.links.files.cadence import Cadence, infer_cadences


def piece(ts_s: np.ndarray, power_w: np.ndarray, slot: np.ndarray | int = 0) -> ReadingBatch:
    slots = np.full(len(ts_s), slot) if isinstance(slot, int) else slot
    return ReadingBatch(slots.astype(np.int32), np.rint(ts_s * 1000).astype(np.int64), power_w.astype(np.float64))


def on_change(rng: np.random.Generator, heartbeat_s: float | None, changes: int = 400) -> ReadingBatch:
    """Return a device that speaks when its power changes, and every heartbeat while it does not."""
    at, power, now, level = [0.0], [5.0], 0.0, 5.0
    for pause in rng.exponential(200, changes):
        if heartbeat_s is not None:
            beats = np.arange(now + heartbeat_s, now + pause, heartbeat_s)
            at.extend(beats.tolist())
            power.extend([level] * len(beats))
        now, level = now + pause + 1, round(float(rng.uniform(1, 2000)), 1)
        at.append(now)
        power.append(level)
    return piece(np.array(at), np.array(power))


@settings(deadline=None, max_examples=30)
@given(st.floats(1, 3600), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_periodic_devices_stay_periodic_whatever_they_draw(interval_s: float, seed: int, idle: float) -> None:
    rng = np.random.default_rng(seed)
    power = np.where(rng.random(300) < idle, 3.0, rng.uniform(0, 2000, 300))
    jitter = rng.integers(0, 2, 300) * min(1.0, interval_s / 30)
    (found,) = infer_cadences([piece(np.arange(300) * interval_s + jitter, power)], 1)
    assert found.reporting is Reporting.PERIODIC
    assert found.heartbeat_s is None
    assert found.interval_s == pytest.approx(interval_s, rel=0.04, abs=0.002)


@pytest.mark.parametrize("seed", range(5))
def test_irregular_loggers_that_repeat_values_are_periodic(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ts_s = np.cumsum(rng.integers(1, 10, 4000))
    power = np.repeat(rng.integers(0, 60, 400) * 2, 10)
    (found,) = infer_cadences([piece(ts_s, power)], 1)
    assert found.reporting is Reporting.PERIODIC
    assert found.interval_s in (4.0, 5.0, 6.0)


@pytest.mark.parametrize("seed", range(5))
def test_devices_that_speak_on_change_are_seen(seed: int) -> None:
    (found,) = infer_cadences([on_change(np.random.default_rng(seed), None)], 1)
    assert (found.reporting, found.heartbeat_s) == (Reporting.ON_CHANGE, None)


@pytest.mark.parametrize("heartbeat_s", [300.0, 600.0])
def test_heartbeats_are_measured(heartbeat_s: float) -> None:
    (found,) = infer_cadences([on_change(np.random.default_rng(7), heartbeat_s)], 1)
    assert found.reporting is Reporting.ON_CHANGE
    assert found.heartbeat_s == pytest.approx(heartbeat_s, rel=0.05)


def test_pieces_are_never_joined() -> None:
    pieces = [piece(start + np.arange(100) * 10.0, np.ones(100)) for start in (0.0, 1e6, 5e6)]
    assert infer_cadences(pieces, 1) == [Cadence(10.0)]


def test_devices_of_one_file_are_told_apart() -> None:
    slot = np.tile([0, 1], 200)
    ts_s = np.repeat(np.arange(200), 2) * np.where(slot == 0, 10.0, 60.0)
    cadences = infer_cadences([piece(ts_s, np.ones(400), slot)], 3)
    assert [cadence.interval_s for cadence in cadences[:2]] == [10.0, 60.0]


def test_a_short_sample_borrows_from_its_neighbours() -> None:
    slot = np.array([0] * 50 + [1, 1])
    ts_s = np.concatenate([np.arange(50) * 30.0, [0.0, 999.0]])
    assert [cadence.interval_s for cadence in infer_cadences([piece(ts_s, np.ones(52), slot)], 2)] == [30.0, 30.0]
    assert infer_cadences([piece(np.array([5.0]), np.ones(1))], 1) == [Cadence()]
    assert infer_cadences([], 2) == [Cadence(), Cadence()]
