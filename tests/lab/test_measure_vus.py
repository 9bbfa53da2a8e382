"""VUS against the published reference code, and the properties it must have whatever the reference says."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.lab.measure import vus

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 1e-9


@pytest.fixture(scope="module")
def reference() -> Any:
    """TSB-AD 1.5's generate_curve; it must be there where CI is set."""
    try:
        from TSB_AD.evaluation.basic_metrics import generate_curve
    except ImportError:
        advice = "TSB-AD is missing: pip install --no-deps TSB-AD==1.5"
        if os.environ.get("CI"):
            pytest.fail(advice)
        pytest.skip(advice)
    return generate_curve


def assert_equal_to_reference(
    reference: Any, score: NDArray[np.float64], label: NDArray[np.bool_], buffer: int, thresholds: int = 250
) -> None:
    *_, roc, pr = reference(label.astype(int), score, buffer, "opt", thresholds)
    volume = vus(score, label, buffer, thresholds)
    assert abs(volume.roc - roc) < EXACT
    assert abs(volume.pr - pr) < EXACT


def labels_of(size: int, events: list[tuple[int, int]]) -> NDArray[np.bool_]:
    label = np.zeros(size, dtype=np.bool_)
    for start, length in events:
        label[start : start + length] = True
    return label


@pytest.mark.parametrize("buffer", [0, 1, 2, 3, 16, 41])
@pytest.mark.parametrize(
    "events",
    [
        pytest.param([(100, 20)], id="one"),
        pytest.param([(0, 5), (290, 10)], id="both ends"),
        pytest.param([(10, 1), (12, 1), (14, 1), (30, 1)], id="single samples closer than the buffer"),
        pytest.param([(k * 7, 3) for k in range(40)], id="many"),
        pytest.param([(0, 299)], id="one normal sample"),
        pytest.param([(0, 150), (151, 149)], id="one normal sample between"),
    ],
)
@pytest.mark.parametrize("ranking", ["random", "ties", "constant", "good", "reversed"])
def test_equals_the_reference(reference: Any, events: list[tuple[int, int]], buffer: int, ranking: str) -> None:
    label = labels_of(300, events)
    rng = np.random.default_rng(len(events))
    noise = rng.random(300)
    score = {
        "random": noise,
        "ties": np.round(noise, 1),
        "constant": np.full(300, 0.5),
        "good": label + 0.4 * noise,
        "reversed": noise - label,
    }[ranking]
    assert_equal_to_reference(reference, score, label, buffer, thresholds=40)


def test_equals_the_reference_on_random_series(reference: Any) -> None:
    rng = np.random.default_rng(7)
    for _ in range(60):
        size = int(rng.integers(4, 120))
        label = labels_of(
            size, [(int(rng.integers(size)), int(rng.integers(1, 12))) for _ in range(rng.integers(1, 12))]
        )
        label[rng.integers(size)] = False
        if not label.any():
            label[-1] = True
        score = np.round(rng.random(size), int(rng.integers(1, 6)))
        assert_equal_to_reference(reference, score, label, int(rng.integers(0, 150)), int(rng.choice([2, 9, 30])))


@pytest.mark.data
def test_equals_the_reference_on_real_series(reference: Any) -> None:
    from pyarrow import parquet

    folder = Path(os.environ.get("KILOWATCH_DATA", Path(__file__).parents[3] / "shared" / "data")) / "nab_tsbad"
    files = sorted(folder.glob("*_NAB_*.parquet"))
    if not files:
        pytest.skip(f"no series in {folder}: set KILOWATCH_DATA")
    for file in files:
        table = parquet.read_table(file)
        value, label = table["value"].to_numpy(), table["label"].to_numpy().astype(np.bool_)
        score = np.abs(value - np.median(value))[:6000]
        if label[:6000].any():
            assert_equal_to_reference(reference, score, label[:6000], 16)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_only_the_order_of_scores_counts(seed: int, buffer: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 50, 200).astype(float)
    label = labels_of(200, [(int(rng.integers(180)), int(rng.integers(1, 20))) for _ in range(4)])
    assert vus(score, label, buffer) == vus(3.0 * score**3 + 7.0, label, buffer)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_both_volumes_are_shares(seed: int, buffer: int) -> None:
    rng = np.random.default_rng(seed)
    label = labels_of(150, [(int(rng.integers(140)), int(rng.integers(1, 9))) for _ in range(5)])
    volume = vus(rng.random(150), label, buffer)
    assert 0 <= volume.pr <= 1
    assert 0 <= volume.roc <= 1
    assert volume.base_rate == label.mean()


def test_a_random_score_lies_near_the_base_rate() -> None:
    label = labels_of(20_000, [(1000 + 2000 * k, 200) for k in range(10)])
    pr = np.mean([vus(np.random.default_rng(seed).random(20_000), label, 60).pr for seed in range(5)])
    assert 0.09 < pr < 0.13


def test_a_perfect_score_is_near_one_and_an_inverted_one_near_nothing() -> None:
    label = labels_of(2000, [(300, 50), (1500, 70)])
    assert vus(label.astype(float), label, 0).pr > 0.95
    assert vus(-label.astype(float), label, 0).roc < 0.05


def test_a_late_score_gains_from_the_buffer() -> None:
    label = labels_of(2000, [(300, 40), (1500, 40)])
    late = np.roll(label, 12).astype(float) + np.random.default_rng(0).random(2000) * 0.1
    assert vus(late, label, 40).pr > vus(late, label, 0).pr


def test_is_fast_enough_to_run_for_every_detector_and_series() -> None:
    rng = np.random.default_rng(0)
    label = labels_of(16_000, [(int(s), 100) for s in rng.integers(0, 15_900, 10)])
    many = labels_of(100_000, [(int(s), 30) for s in rng.integers(0, 99_900, 400)])
    assert _seconds(rng.random(16_000), label, 16) < 0.1
    assert _seconds(rng.random(100_000), many, 100) < 2.0


def _seconds(score: NDArray[np.float64], label: NDArray[np.bool_], buffer: int) -> float:
    spent = []
    for _ in range(3):
        begun = time.perf_counter()
        vus(score, label, buffer)
        spent.append(time.perf_counter() - begun)
    return min(spent)


def test_refuses_what_it_cannot_rank() -> None:
    label = labels_of(10, [(3, 2)])
    score = np.arange(10.0)
    with pytest.raises(ReadingError, match="needs both kinds"):
        vus(score, np.ones(10, dtype=np.bool_), 2)
    with pytest.raises(ReadingError, match="needs both kinds"):
        vus(score, np.zeros(10, dtype=np.bool_), 2)
    with pytest.raises(ReadingError, match="1 of 10 scores are NaN"):
        vus(np.where(score == 4, np.nan, score), label, 2)
    with pytest.raises(ReadingError, match="shape"):
        vus(score[:-1], label, 2)
    with pytest.raises(ConfigError, match="buffer"):
        vus(score, label, -1)
    with pytest.raises(ConfigError, match="thresholds"):
        vus(score, label, 2, thresholds=1)
