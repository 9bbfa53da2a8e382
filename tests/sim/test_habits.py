from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kilowatch.sim.days import LocalDay
from kilowatch.sim.habits import FLAT, Habit, hours_drawn
from kilowatch.sim.noise import Streams

DAYS = [LocalDay(20_458 + n, "Europe/Berlin") for n in range(1_400)]
STREAMS = Streams(5)
EVENING = (0,) * 20 + (1, 3, 0, 0)
HABIT = Habit("tea", runs=(1, 2, 1), hours=EVENING, weekend_runs=(0, 0, 0, 1), weekend_hours=FLAT)


def test_hours_are_drawn_by_weight_and_in_order() -> None:
    hours = hours_drawn(np.random.default_rng(0), 4_000, EVENING)
    assert np.all(np.diff(hours) >= 0)
    assert hours.min() >= 20
    assert hours.max() < 22
    assert (hours >= 21).mean() == pytest.approx(0.75, abs=0.03)


def test_uses_a_day_follow_the_weights_of_working_days_and_weekends() -> None:
    counts = np.array([len(HABIT.uses(day, STREAMS)) for day in DAYS])
    weekend = np.array([day.weekend for day in DAYS])
    assert np.bincount(counts[~weekend]) / (~weekend).sum() == pytest.approx([0.25, 0.5, 0.25], abs=0.05)
    assert set(counts[weekend]) == {3}


def test_uses_lie_in_their_day_and_hours() -> None:
    for day in DAYS[:60]:
        starts = [use.start_ms for use in HABIT.uses(day, STREAMS)]
        assert starts == sorted(starts)
        assert all(day.start_ms <= start < day.end_ms for start in starts)
        if not day.weekend:
            assert all(start >= day.utc_ms([20.0])[0] for start in starts)


def test_weekends_have_hours_of_their_own() -> None:
    starts = [
        (use.start_ms - day.start_ms) / 3_600_000 for day in DAYS if day.weekend for use in HABIT.uses(day, STREAMS)
    ]
    assert np.mean(starts) == pytest.approx(12.0, abs=0.6)


def test_a_shared_stream_starts_both_together_and_a_share_later() -> None:
    dryer = replace(HABIT, share=0.5, delay_min=90.0)
    uses = [use for day in DAYS[:300] for use in HABIT.uses(day, STREAMS)]
    later = [use for day in DAYS[:300] for use in dryer.uses(day, STREAMS)]
    assert len(later) / len(uses) == pytest.approx(0.5, abs=0.08)
    assert {(use.start_ms - 90 * 60_000, use.length_z) for use in later} <= set(uses)


def test_no_day_depends_on_another() -> None:
    assert [HABIT.uses(day, STREAMS) for day in reversed(DAYS[:9])] == [HABIT.uses(d, STREAMS) for d in DAYS[8::-1]]
