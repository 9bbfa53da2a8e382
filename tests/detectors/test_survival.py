"""Surprise is nothing for a short run, a nat for each factor e of rarity, and grows without end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.detectors.survival import SURPRISES, evidence, surprise, surprise_knots


def at(length: float, lengths: list[int]) -> float:
    knots = surprise_knots(np.array(lengths, dtype=np.int64))
    return float(surprise(np.log([length]), knots[None])[0])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=100))
def test_knots_rise_and_surprise_with_them(lengths: list[int]) -> None:
    knots = surprise_knots(np.array(lengths, dtype=np.int64))
    assert knots.shape == SURPRISES.shape
    assert (np.diff(knots) > 0).all()
    along = np.linspace(knots[0] - 2, knots[-1] + 2, 200)
    said = surprise(along, np.tile(knots, (200, 1)))
    assert (np.diff(said) >= 0).all()
    assert (said >= 0).all()


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_it_is_minus_the_logarithm_of_the_share_that_lasts_longer(share: float) -> None:
    lengths = np.random.default_rng(0).integers(100, 1000, 4000)
    length = float(np.quantile(lengths, 1 - share))
    assert at(length, lengths.tolist()) == pytest.approx(-np.log(share), abs=0.25)


def test_half_of_the_usual_is_no_surprise_and_double_is_a_great_one() -> None:
    lengths = [30] * 50
    assert at(15, lengths) < 0.1
    assert at(60, lengths) > 5


def test_beyond_all_it_knows_it_goes_on() -> None:
    lengths = [28, 30, 31, 33] * 10
    assert at(3000, lengths) > at(300, lengths) + 10 > at(100, lengths)


def test_each_row_has_knots_of_its_own() -> None:
    short, long = (surprise_knots(np.full(20, size)) for size in (10, 1000))
    said = surprise(np.log([100.0, 100.0]), np.array([short, long]))
    assert said[0] > 10
    assert said[1] == pytest.approx(0, abs=1e-6)


def told(length: float, lengths: list[int]) -> float:
    knots = surprise_knots(np.array(lengths, dtype=np.int64))
    return float(evidence(np.log([length]), knots[None])[0])


def test_a_long_programme_speaks_for_a_fault_at_its_edge_and_not_halfway() -> None:
    """Six minutes to keep warm, and an hour now and then after somebody has showered."""
    lengths = [6] * 60 + [60] * 3
    assert at(40, lengths) - told(40, lengths) > at(8, lengths) - told(8, lengths) + 0.3
    assert told(120, lengths) > told(8, lengths) + 3


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=100))
def test_evidence_is_never_above_surprise(lengths: list[int]) -> None:
    knots = surprise_knots(np.array(lengths, dtype=np.int64))
    along = np.linspace(knots[0] - 2, knots[-1] + 2, 200)
    own = np.tile(knots, (200, 1))
    found = evidence(along, own)
    assert (found >= 0).all()
    assert (found <= surprise(along, own) + 1e-9).all()
