from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, poisson

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.lab.measure import Confusion, Rate, Share, mean_interval, paired_bootstrap, shares_by
from kilowatch.lab.measure.intervals import poisson_cdf


def test_wilson_of_the_figures_of_paper_a() -> None:
    counts = Confusion(true_positive=34, false_negative=8, false_positive=8, true_negative=150)
    recall, fall_out = counts.recall.wilson(), counts.fall_out.wilson()
    assert counts.accuracy.value == pytest.approx(0.92)
    assert (round(recall.low, 2), round(recall.high, 2)) == (0.67, 0.90)
    assert (round(fall_out.low, 3), round(fall_out.high, 3)) == (0.026, 0.097)
    assert counts.precision.value == pytest.approx(34 / 42)
    assert counts.base_rate == Share(42, 200)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.5, 0.999))
def test_wilson_lies_in_0_to_1_and_around_the_share(hits: int, more: int, confidence: float) -> None:
    share = Share(hits, hits + more)
    interval = share.wilson(confidence)
    assert 0 <= interval.low <= share.value <= interval.high <= 1


def test_wilson_is_exact_at_the_ends() -> None:
    assert Share(0, 9).wilson().low == 0.0
    assert Share(9, 9).wilson().high == 1.0
    nothing = Share(0, 0)
    assert math.isnan(nothing.value)
    assert (nothing.wilson().low, nothing.wilson().high) == (0.0, 1.0)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 40, 900, 5000])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99, 0.999999])
def test_poisson_bounds_are_those_of_the_chi_square(count: int, confidence: float) -> None:
    rate = Rate(count, 2.0)
    tail = (1 - confidence) / 2
    assert rate.upper(confidence) == pytest.approx(chi2.ppf(confidence, 2 * count + 2) / 4, rel=1e-9)
    assert rate.interval(confidence).high == pytest.approx(chi2.ppf(1 - tail, 2 * count + 2) / 4, rel=1e-9)
    low = chi2.ppf(tail, 2 * count) / 4 if count else 0.0
    assert rate.interval(confidence).low == pytest.approx(low, rel=1e-7)


def test_no_alarm_in_a_week_leaves_up_to_three() -> None:
    assert Rate.over(0, 7 * 86_400_000).upper() == pytest.approx(2.9957, abs=1e-4)
    assert Rate(3, 0.0).upper() == math.inf
    assert math.isnan(Rate(0, 0.0).value)


@given(st.integers(0, 200), st.floats(0.01, 800))
@settings(deadline=None, max_examples=50)
def test_poisson_cdf(count: int, mean: float) -> None:
    assert poisson_cdf(count, mean) == pytest.approx(poisson.cdf(count, mean), rel=1e-9, abs=1e-300)


def test_shares_and_rates_pool_by_their_counts() -> None:
    assert sum([Share(1, 2), Share(0, 6)], Share(0, 0)) == Share(1, 8)
    assert Rate(1, 0.5) + Rate(2, 1.0) == Rate(3, 1.5)
    assert (Rate(3, 1.5)).value == 2.0


def test_shares_by_kind_keep_the_order_of_appearance() -> None:
    by_kind = shares_by(np.array([True, False, True]), ["h2", "h1", "h2"])
    assert list(by_kind.items()) == [("h2", Share(2, 2)), ("h1", Share(0, 1))]
    with pytest.raises(ConfigError, match="group names"):
        shares_by(np.array([True]), ["a", "b"])


def test_confidence_must_be_a_probability() -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Share(1, 2).wilson(95)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Rate(1, 2).upper(1.0)


def test_confusion_counts_every_window_once() -> None:
    said, odd = np.array([1, 1, 0, 0, 1]), np.array([1, 0, 1, 0, 1])
    counts = Confusion.of(said, odd)
    assert counts == Confusion(true_positive=2, false_negative=1, false_positive=1, true_negative=1)
    assert (counts + counts).total == 10
    with pytest.raises(ReadingError, match="5 predictions"):
        Confusion.of(said, odd[:-1])


def test_paired_bootstrap_sees_a_steady_difference() -> None:
    rng = np.random.default_rng(0)
    second = rng.random(40)
    better = paired_bootstrap(second + 0.1 + rng.normal(0, 0.02, 40), second, seed=1)
    assert better.mean == pytest.approx(0.1, abs=0.02)
    assert better.interval.low < better.mean < better.interval.high
    assert better.significant
    assert (better.wins, better.of) == (40, 40)


def test_paired_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        found = paired_bootstrap(rng.normal(0.3, 1.0, 30), np.zeros(30), seed, draws=400)
        covered += found.interval.low <= 0.3 <= found.interval.high
    assert 175 <= covered <= 199


def test_paired_bootstrap_is_repeatable_and_resamples_whole_clusters() -> None:
    rng = np.random.default_rng(5)
    device = np.repeat(["fridge", "dryer", "boiler", "kettle"], 25)
    effect = np.repeat(rng.normal(0.1, 0.3, 4), 25)
    first = effect + rng.normal(0, 0.01, 100)
    single = paired_bootstrap(first, np.zeros(100), seed=2)
    clustered = paired_bootstrap(first, np.zeros(100), seed=2, clusters=device.tolist())
    assert clustered == paired_bootstrap(first, np.zeros(100), seed=2, clusters=device.tolist())
    assert clustered.mean == pytest.approx(single.mean)
    assert clustered.of == 4
    assert clustered.interval.high - clustered.interval.low > 2 * (single.interval.high - single.interval.low)


def test_mean_interval_of_equal_values_is_a_point() -> None:
    interval = mean_interval([0.4] * 9, seed=0)
    assert interval.low == pytest.approx(0.4)
    assert interval.high == pytest.approx(0.4)


def test_clusters_of_different_sizes_weigh_by_their_series() -> None:
    interval = mean_interval([0.4] * 9, seed=0, clusters=list("aabbbbbbb"))
    assert interval.low == pytest.approx(0.4)
    assert interval.high == pytest.approx(0.4)


def test_bootstrap_refuses_what_it_cannot_resample() -> None:
    with pytest.raises(ConfigError, match="same series"):
        paired_bootstrap([1.0, 2.0], [1.0], seed=0)
    with pytest.raises(ConfigError, match="finite value"):
        paired_bootstrap([math.nan], [0.0], seed=0)
    with pytest.raises(ConfigError, match="finite value"):
        mean_interval([], seed=0)
    with pytest.raises(ConfigError, match="cluster names"):
        mean_interval([1.0], seed=0, clusters=["a", "b"])
    with pytest.raises(ConfigError, match="confidence"):
        mean_interval([1.0], seed=0, confidence=2)
