"""Scores of any method on one scale: 1 is what it gives once a week."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.samples import GRID_MS, PER_DAY, START_MS
from kilowatch.detectors.normaliser import Normaliser

_TIMES = START_MS + GRID_MS * np.arange(28 * PER_DAY, dtype=np.int64)
_SLOTS = np.zeros(3, dtype=np.int32)


def calibrated(raw: np.ndarray, *, fine: bool = True) -> Normaliser:
    normaliser = Normaliser(2, fine=fine)
    normaliser.reserve(2)
    normaliser.calibrate(0, 1, raw.astype(np.float32), _TIMES[: len(raw)])
    return normaliser


def heights(normaliser: Normaliser, raw: list[float]) -> np.ndarray:
    slots = np.zeros(len(raw), dtype=np.int32)
    return normaliser.normalise(slots, 1, np.array(raw, dtype=np.float32))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("fine", [True, False])
def test_the_weekly_score_is_one_whatever_the_unit(scale: float, fine: bool) -> None:
    raw = scale * np.random.default_rng(0).exponential(1, len(_TIMES))
    normaliser = calibrated(raw, fine=fine)
    weekly = float(normaliser.weekly(_SLOTS, 1)[0])
    assert heights(normaliser, [weekly])[0] == pytest.approx(1.0, abs=1e-5)
    hourly_peaks = raw.reshape(-1, 120).max(axis=1)
    assert 2 <= (hourly_peaks >= weekly).sum() <= 6


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.sampled_from(["exponential", "rare", "heavy", "constant"]), st.booleans())
def test_a_higher_score_is_never_lower(seed: int, kind: str, fine: bool) -> None:
    random = np.random.default_rng(seed)
    raw = {
        "exponential": random.exponential(1, 7 * PER_DAY),
        "rare": np.where(random.uniform(0, 1, 7 * PER_DAY) < 0.001, 5.0, 0.0),
        "heavy": random.pareto(1, 7 * PER_DAY),
        "constant": np.full(7 * PER_DAY, 2.5),
    }[kind]
    said = heights(calibrated(raw, fine=fine), np.sort(np.append(raw[:200], [0, 0.1, 3, 50, 1e6])).tolist())
    assert (np.diff(said) >= -1e-9).all()
    assert (said >= 0).all()


def test_frequencies_below_a_week_are_logarithms() -> None:
    raw = np.random.default_rng(0).exponential(1, len(_TIMES))
    rarer = [float(-np.log(share)) for share in (0.1, 0.01, 0.001)]
    steps = np.diff(heights(calibrated(raw), rarer))
    assert steps[0] == pytest.approx(steps[1], rel=0.1)


def test_beyond_a_week_the_ratio_counts() -> None:
    normaliser = calibrated(np.random.default_rng(0).exponential(1, len(_TIMES)))
    weekly = float(normaliser.weekly(_SLOTS, 1)[0])
    np.testing.assert_allclose(heights(normaliser, [np.e * weekly, np.e**2 * weekly]), [3.0, 5.0], rtol=1e-5)


def test_what_was_never_calibrated_or_unknown_is_nan() -> None:
    normaliser = calibrated(np.random.default_rng(0).exponential(1, 7 * PER_DAY))
    assert np.isnan(normaliser.normalise(_SLOTS, 0, np.ones(3, dtype=np.float32))).all()
    assert np.isnan(normaliser.normalise(_SLOTS + 1, 1, np.ones(3, dtype=np.float32))).all()
    assert np.isnan(heights(normaliser, [np.nan, 1.0])).tolist() == [True, False]


def test_a_method_that_said_nothing_becomes_uncalibrated() -> None:
    normaliser = calibrated(np.ones(7 * PER_DAY))
    normaliser.calibrate(0, 1, np.full(7 * PER_DAY, np.nan, dtype=np.float32), _TIMES[: 7 * PER_DAY])
    assert np.isnan(heights(normaliser, [1.0])).all()
