"""The tail of block maxima: what a simulated one is found to be, and what nothing of it can be told from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kilowatch.core.tail import FEW_EXCEEDANCES, SHAPE_BOUND, TAIL_SHARE, Tail, fit_tail

Maxima = NDArray[np.float64]
WEEKLY = 1 / 168


def pareto(shape: float, scale: float, size: int, seed: int = 0) -> Maxima:
    """Return draws of a generalised Pareto distribution."""
    uniform = np.random.default_rng(seed).uniform(size=size)
    return -scale * np.log(uniform) if shape == 0 else scale * (uniform**-shape - 1) / shape


scores = st.lists(st.floats(0.0, 1e6) | st.sampled_from([0.0, 1.0, 5.0]), min_size=1, max_size=400).map(np.array)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2, 0.4])
def test_the_simulated_tail_is_found(shape: float) -> None:
    tail = fit_tail(pareto(shape, 2.0, 64_000))
    assert tail.exceedances == pytest.approx(64_000 * TAIL_SHARE, rel=0.01)
    assert tail.shape == pytest.approx(shape, abs=0.06)
    assert tail.scale == pytest.approx(2.0 + shape * tail.start, rel=0.06)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.2])
def test_the_level_of_a_weekly_alarm_is_found_from_four_weeks(shape: float) -> None:
    found = [fit_tail(pareto(shape, 2.0, 672, seed)).return_level(WEEKLY) for seed in range(40)]
    true = -2.0 * np.log(WEEKLY) if shape == 0 else 2.0 * (WEEKLY**-shape - 1) / shape
    assert np.median(found) == pytest.approx(true, rel=0.1)


def test_the_level_goes_beyond_the_data() -> None:
    tail = fit_tail(pareto(0.1, 1.0, 336))
    assert tail.return_level(0.1 * WEEKLY) > tail.peaks[0]


@given(scores, st.floats(1e-4, 0.4), st.floats(1.0, 5.0))
@settings(max_examples=60, deadline=None)
def test_a_rarer_alarm_never_needs_a_lower_level(maxima: Maxima, rate: float, times: float) -> None:
    tail = fit_tail(maxima)
    assert tail.return_level(rate) >= tail.return_level(rate * times) * (1 - 1e-9)


@given(scores, st.sampled_from([2.0**-20, 0.5, 2.0, 2.0**20]), st.floats(1e-3, 0.4))
@settings(max_examples=60, deadline=None)
def test_scores_on_another_scale_give_the_level_on_that_scale(maxima: Maxima, factor: float, rate: float) -> None:
    expected = fit_tail(maxima).return_level(rate) * factor
    assert fit_tail(maxima * factor).return_level(rate) == pytest.approx(expected, rel=1e-9)


@given(scores, st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_order_does_not_matter(maxima: Maxima, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(maxima)
    assert fit_tail(shuffled).return_level(WEEKLY) == fit_tail(maxima).return_level(WEEKLY)


@given(scores)
@settings(max_examples=60, deadline=None)
def test_shape_and_level_stay_within_bounds(maxima: Maxima) -> None:
    tail = fit_tail(maxima)
    assert abs(tail.shape) <= SHAPE_BOUND
    assert np.isfinite(tail.return_level(WEEKLY))
    assert tail.slope(max(tail.return_level(WEEKLY), 1e-300)) >= 0


def test_the_slope_is_that_of_the_level() -> None:
    tail = fit_tail(pareto(0.2, 1.0, 2000))
    level, rarer = tail.return_level(WEEKLY), tail.return_level(WEEKLY / 1.001)
    assert tail.slope(level) == pytest.approx(np.log(rarer / level) / np.log(1.001), rel=1e-2)


def test_the_level_is_steady_where_data_end_and_tail_begins() -> None:
    tail = fit_tail(pareto(0.1, 1.0, 1000))
    edge = tail.exceedances / tail.blocks
    assert tail.return_level(edge * 0.999) == pytest.approx(tail.return_level(edge * 1.001), rel=0.01)


def test_equal_scores_have_no_tail() -> None:
    tail = fit_tail(np.full(300, 3.0))
    assert tail.exceedances == 0
    assert tail.return_level(1 / 30) == pytest.approx(3.0)
    assert 3.0 <= tail.return_level(1 / 1000) < 6.0


def test_zero_scores_have_no_level() -> None:
    assert fit_tail(np.zeros(500)).return_level(WEEKLY) == 0.0
    assert fit_tail(np.empty(0)).return_level(WEEKLY) == 0.0


def test_a_few_peaks_are_passed_by_a_margin_that_grows_as_the_data_run_out() -> None:
    maxima = np.zeros(168)
    maxima[::40] = [1.0, 2.0, 3.0, 4.0, 5.0]
    tail = fit_tail(maxima)
    assert len(tail.peaks) < FEW_EXCEEDANCES
    assert tail.return_level(2 / 168) == 3.0
    assert tail.return_level(0.5 / 168) == pytest.approx(5.0 * 2**0.15)


def test_unknown_scores_are_left_out() -> None:
    maxima = pareto(0.1, 1.0, 500)
    gappy = np.insert(maxima, [3, 50, 400], np.nan)
    assert fit_tail(gappy).return_level(WEEKLY) == fit_tail(maxima).return_level(WEEKLY)


@pytest.mark.parametrize("wild", [1e3, 1e9, np.inf])
def test_one_wild_score_moves_the_level_little(wild: float) -> None:
    maxima = pareto(0.1, 1.0, 336)
    calm = fit_tail(maxima).return_level(WEEKLY)
    maxima[7] = wild
    assert fit_tail(maxima).return_level(WEEKLY) < 1.6 * calm


def test_a_tail_tells_its_own_rate() -> None:
    tail = Tail(blocks=1000, peaks=np.linspace(20, 1, 60), start=10.0, shape=0.0, scale=2.0, exceedances=30)
    assert tail.return_level(0.03 / np.e) == pytest.approx(10.0 + 2.0 * 30 * np.expm1(1 / 30))


def test_levels_from_few_exceedances_are_passed_as_often_as_asked() -> None:
    """A plain return level from ten exceedances of an exponential tail is passed a fifth too often."""
    rng, asked, start = np.random.default_rng(5), 1 / 160, 3.0
    passed = []
    for scale in rng.exponential(size=(4000, 10)).mean(axis=1):
        tail = Tail(blocks=160, peaks=np.full(10, 4.0), start=start, shape=0.0, scale=float(scale), exceedances=10)
        passed.append(10 / 160 * np.exp(-(tail.return_level(asked) - start)))
    assert np.mean(passed) / asked == pytest.approx(1.0, abs=0.05)
