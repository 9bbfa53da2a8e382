from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

import kilowatch.lab.measure as measure
from kilowatch.lab.measure import auc_pr, auc_roc, base_rate


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_equal_scikit_learn_with_and_without_ties(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    label = rng.random(80) < 0.3
    label[:2] = [True, False]
    score = np.round(rng.random(80), digits)
    assert auc_pr(score, label) == pytest.approx(average_precision_score(label, score), abs=1e-12)
    assert auc_roc(score, label) == pytest.approx(roc_auc_score(label, score), abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(-40, 40), st.booleans()), min_size=2, max_size=60))
def test_only_the_order_of_scores_counts(samples: list[tuple[int, bool]]) -> None:
    score = np.array([value for value, _ in samples], dtype=float)
    label = np.array([odd for _, odd in samples])
    label[:2] = [True, False]
    assert auc_pr(score, label) == auc_pr(np.exp(score / 20), label)
    assert auc_roc(score, label) == auc_roc(np.exp(score / 20), label)


def test_a_constant_score_gets_the_base_rate_and_a_half() -> None:
    label = np.arange(100) < 7
    assert auc_pr(np.zeros(100), label) == pytest.approx(base_rate(label))
    assert auc_roc(np.zeros(100), label) == pytest.approx(0.5)


def test_the_best_and_the_worst_order() -> None:
    label = np.arange(50) >= 40
    assert auc_pr(np.arange(50), label) == pytest.approx(1.0)
    assert auc_roc(np.arange(50), label) == pytest.approx(1.0)
    assert auc_roc(-np.arange(50), label) == pytest.approx(0.0)


def test_infinite_scores_rank_above_all() -> None:
    label = np.array([False, False, True])
    assert auc_roc([0.0, 1.0, np.inf], label) == pytest.approx(1.0)


def test_nothing_is_point_adjusted() -> None:
    assert not [name for name in measure.__all__ if "adjust" in name.lower() or "f1" in name.lower()]
