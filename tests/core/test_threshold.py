"""Thresholds: the rate that was asked for, on scores like the past and on scores that have moved."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyarrow import parquet

from core.score_streams import DAY_STEPS, STEP_MS, WEEK_STEPS, bursty, openings, samples_of, steps_ms, thresholds_for
from kilowatch.core.calibrate import Method, rate_curve
from kilowatch.core.confirm import Confirm
from kilowatch.core.threshold import FEW_BLOCKS, Thresholds, public_score
from kilowatch.errors import ConfigError

DATA = Path(os.environ.get("KILOWATCH_DATA", Path(__file__).parents[3] / "shared" / "data")) / "combed"

Scores = NDArray[np.float32]


def level_of(thresholds: Thresholds) -> float:
    return float(thresholds.levels(np.array([0]))[0])


def watched(thresholds: Thresholds, score: Scores) -> Scores:
    """Return the threshold at each score of one device that is watched from START_MS on."""
    return thresholds.follow(samples_of(steps_ms(len(score))), score)


def test_a_past_sets_the_rate() -> None:
    rates = [
        openings(score, watched(thresholds_for(bursty(seed, 2 * WEEK_STEPS), 3.0), score), steps_ms(len(score))) / 4
        for seed, score in ((seed, bursty(100 + seed, 4 * WEEK_STEPS)) for seed in range(8))
    ]
    assert np.mean(rates) == pytest.approx(3.0, rel=0.25)


def test_a_rarer_alarm_has_a_higher_threshold() -> None:
    past = bursty(1, 2 * WEEK_STEPS)
    levels = [level_of(thresholds_for(past, rate)) for rate in (0.25, 1.0, 3.0, 10.0)]
    assert (np.diff(levels) < 0).all()
    made = rate_curve(past, steps_ms(len(past)), np.ones(len(past), dtype=np.bool_), levels[2:])
    np.testing.assert_allclose(made, [3.0, 10.0], rtol=0.5)


@pytest.mark.parametrize("factor", [2.0**-12, 2.0**7])
def test_scores_on_another_scale_give_the_same_public_scores(factor: float) -> None:
    past, score = bursty(1, WEEK_STEPS), bursty(2, WEEK_STEPS)
    one, other = thresholds_for(past), thresholds_for(past * np.float32(factor))
    scaled = score * np.float32(factor)
    np.testing.assert_allclose(
        public_score(score, watched(one, score)), public_score(scaled, watched(other, scaled)), atol=2e-4
    )


@pytest.mark.parametrize("seed", range(4))
def test_higher_scores_are_followed_within_three_days(seed: int) -> None:
    thresholds = thresholds_for(bursty(seed, 2 * WEEK_STEPS))
    before = level_of(thresholds)
    watched(thresholds, 1.5 * bursty(50 + seed, 3 * DAY_STEPS + 1))
    assert 1.1 < level_of(thresholds) / before < 2.2


def test_an_ongoing_fault_is_not_learnt() -> None:
    thresholds = thresholds_for(bursty(1, 2 * WEEK_STEPS))
    before = level_of(thresholds)
    watched(thresholds, bursty(2, 6 * DAY_STEPS) + np.float32(4 * before))
    assert level_of(thresholds) < 1.3 * before


def test_one_huge_score_moves_the_threshold_little() -> None:
    past, score = bursty(1, 2 * WEEK_STEPS), bursty(2, DAY_STEPS)
    calm, shaken = thresholds_for(past), thresholds_for(past)
    watched(calm, score)
    score[500] = 1e30
    watched(shaken, score)
    assert level_of(calm) < level_of(shaken) < 1.3 * level_of(calm)


def test_what_is_excluded_teaches_nothing() -> None:
    thresholds = thresholds_for(bursty(1, WEEK_STEPS))
    before = level_of(thresholds)
    samples = samples_of(steps_ms(DAY_STEPS))
    thresholds.follow(samples, 3 * bursty(2, DAY_STEPS), samples.ts_ms % 3_600_000 == 0)
    assert level_of(thresholds) == before


def test_hours_with_too_few_known_scores_teach_nothing() -> None:
    thresholds = thresholds_for(bursty(1, WEEK_STEPS))
    before = level_of(thresholds)
    score = 3 * bursty(2, DAY_STEPS)
    score[np.arange(DAY_STEPS) % 120 >= 59] = np.nan
    watched(thresholds, score)
    assert level_of(thresholds) == before


def test_the_threshold_of_a_block_is_settled_before_it_begins() -> None:
    level = watched(thresholds_for(bursty(1, WEEK_STEPS)), bursty(2, WEEK_STEPS))
    assert (level.reshape(-1, 120) == level[::120, None]).all()
    assert len(np.unique(level)) > 100


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.data())
@settings(max_examples=30, deadline=None)
def test_any_cut_and_any_mix_of_devices_give_the_same_thresholds(seed: int, devices: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    size = data.draw(st.integers(1, 1500))
    at = steps_ms(1)[0] + np.cumsum(rng.choice([30_000, 300_000, 5_000_000], size, p=[0.2, 0.78, 0.02]))
    slot, score = rng.integers(0, devices, size), rng.lognormal(0.0, 1.0, size).astype(np.float32)
    score[rng.random(size) < 0.05] = np.nan
    excluded = rng.random(size) < 0.002
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=6)))

    def followed(cuts: list[int]) -> tuple[Scores, list[bytes]]:
        thresholds = Thresholds()
        thresholds.reserve(devices)
        for device in range(devices):
            past = bursty(device, 3 * DAY_STEPS)
            thresholds.fit(device, past, steps_ms(len(past), -len(past)), past >= 0, 5.0)
        level = np.empty(size, dtype=np.float32)
        for first, last in zip([0, *cuts], [*cuts, size], strict=True):
            rows = first + np.argsort(slot[first:last], kind="stable")
            batch = samples_of(at[rows], slot[rows], grid_ms=600_000)
            level[rows] = thresholds.follow(batch, score[rows], excluded[rows])
        return level, [array.tobytes() for array in thresholds.state().values()]

    whole, cut = followed([]), followed(cuts)
    np.testing.assert_array_equal(whole[0], cut[0])
    assert whole[1] == cut[1]


def test_before_it_has_learnt_a_device_has_no_threshold() -> None:
    thresholds = Thresholds()
    thresholds.reserve(2)
    score = bursty(1, DAY_STEPS)
    level = thresholds.follow(samples_of(steps_ms(DAY_STEPS)), score)
    assert np.isnan(level).all()
    assert np.isnan(public_score(score, level)).all()
    assert thresholds.calibration(0).method is Method.NONE


def test_under_a_day_the_threshold_is_the_prior_or_what_was_seen() -> None:
    past, at = bursty(1, DAY_STEPS // 2), steps_ms(DAY_STEPS // 2)
    thresholds = Thresholds()
    thresholds.reserve(3)
    for slot, prior in enumerate((50.0, 0.1, np.nan)):
        made = thresholds.fit(slot, past, at, past >= 0, 1.0, prior)
        assert made.method is Method.PRIOR
        assert made.blocks < FEW_BLOCKS
    levels = thresholds.levels(np.arange(3))
    assert levels[0] == pytest.approx(50.0)
    assert levels[1] == levels[2] > past.max()


def test_scores_that_were_always_zero_leave_a_device_without_a_threshold_or_with_the_prior() -> None:
    past = np.zeros(WEEK_STEPS, dtype=np.float32)
    assert np.isnan(level_of(thresholds_for(past)))
    thresholds = Thresholds()
    thresholds.reserve(1)
    made = thresholds.fit(0, past, steps_ms(len(past)), past == 0, 1.0, prior=2.0)
    assert made.method is Method.PRIOR
    assert level_of(thresholds) == pytest.approx(2.0)


def test_constant_scores_have_a_threshold_over_them() -> None:
    past = np.full(WEEK_STEPS, 3.0, dtype=np.float32)
    thresholds = thresholds_for(past, 0.5)
    assert thresholds.calibration(0).method is Method.QUANTILE
    assert 3.0 < level_of(thresholds) < 6.0


def test_unknown_scores_of_the_past_are_left_out() -> None:
    past = bursty(1, WEEK_STEPS)
    past[::7] = np.nan
    assert level_of(thresholds_for(past)) > 1.0
    assert thresholds_for(past).calibration(0).blocks == 168


def test_a_calibration_is_kept_for_each_device() -> None:
    thresholds = thresholds_for(bursty(1, 2 * WEEK_STEPS), 0.25)
    made = thresholds.calibration(0)
    assert (made.method, made.blocks, made.alarms_per_week) == (Method.POT, 336, 0.25)
    assert thresholds.sentence(0) == made.sentence


@pytest.mark.parametrize("rate", [0.0, -1.0, 85.0, np.nan])
def test_a_rate_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError):
        thresholds_for(bursty(1, DAY_STEPS), rate)


def test_room_for_more_keeps_what_is_known_at_few_bytes() -> None:
    thresholds = thresholds_for(bursty(1, WEEK_STEPS))
    level = level_of(thresholds)
    thresholds.reserve(1000)
    assert level_of(thresholds) == level
    assert np.isnan(thresholds.levels(np.arange(1, 1000))).all()
    assert sum(array.nbytes for array in thresholds.state().values()) <= 48 * 1000


def test_public_scores_are_rounded() -> None:
    raw, level = np.array([1.0, 2.0, np.nan, 3e38], dtype=np.float32), np.array([3, np.nan, 1, 1e-30], dtype=np.float32)
    assert public_score(raw, level)[:2].tolist() == [
        pytest.approx(0.3333, abs=1e-7),
        pytest.approx(np.nan, nan_ok=True),
    ]
    assert public_score(raw, level)[3] == np.inf


def grid_power(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    table = parquet.read_table(path, columns=["timestamp", "power_w"])
    step = table["timestamp"].to_numpy().astype("datetime64[ms]").astype(np.int64) // STEP_MS
    step, first = np.unique(step, return_index=True)
    return step * STEP_MS, table["power_w"].to_numpy().astype(np.float64)[first]


@pytest.mark.data
@pytest.mark.parametrize("drift", [1.0, 1.5])
def test_real_meters_give_the_alarms_asked_for(drift: float) -> None:
    """Jumps of twelve meters: 14 days learnt, then watched; scores grow after a day, and three days later count."""
    if not DATA.exists():
        pytest.skip(f"{DATA} is missing: set KILOWATCH_DATA to the real power data")
    alarms, weeks = 0, 0.0
    for path in sorted(DATA.glob("*[0-9].parquet")):
        ts_ms, power_w = grid_power(path)
        confirm = Confirm()
        confirm.reserve(1)
        score = confirm.update(samples_of(ts_ms), np.abs(np.diff(power_w, prepend=power_w[0])).astype(np.float32))
        cut = int(np.searchsorted(ts_ms, ts_ms[0] + 14 * 86_400_000))
        thresholds = Thresholds()
        thresholds.reserve(1)
        thresholds.fit(0, score[:cut], ts_ms[:cut], np.ones(cut, dtype=np.bool_), 1.0)
        ts_ms, score = ts_ms[cut:], score[cut:]
        score[ts_ms > ts_ms[0] + 86_400_000] *= drift
        level = thresholds.follow(samples_of(ts_ms), score)
        late = ts_ms > ts_ms[0] + 4 * 86_400_000
        alarms += openings(score[late], level[late], ts_ms[late])
        weeks += np.count_nonzero(late) / WEEK_STEPS
    assert weeks > 18
    assert 0.6 < alarms / weeks < 1.5
