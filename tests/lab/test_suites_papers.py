"""The papers' suites: splits, injections nobody saw, results that outlive an interruption, and quick runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kilowatch.core.outputs_papers import WindowRow
from kilowatch.lab.suites.papers.classify import LAGS, trees, value_changes
from kilowatch.lab.suites.papers.edge import spreads
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.lab.suites.papers.meters import WINDOW, Split, Trial, is_idle, trial

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def meter(level_w: float, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(level_w, 5.0, 80_000).astype(np.float32)


def rows_of(part: NDArray[np.float32]) -> set[bytes]:
    return {row.tobytes() for row in part}


@pytest.mark.parametrize("split", Split)
def test_a_pair_gives_the_papers_counts_and_no_window_twice(split: Split) -> None:
    made = trial(meter(100, 0), meter(200, 1), split, 0)
    parts = made.train, made.validation, made.test
    assert [len(part.label) for part in parts] == [300, 300, 200]
    assert [float(part.label.mean()) for part in parts] == [0.5, 0.5, 0.5]
    assert len(set().union(*(rows_of(part.power_w) for part in parts))) == 800


def test_by_time_the_test_comes_last_and_scaling_never_sees_it() -> None:
    rising = np.arange(80_000, dtype=np.float32)
    made = trial(rising, rising + 0.5, Split.BY_TIME, 0)
    assert made.train.power_w.max() < made.validation.power_w.min() < made.test.power_w.min()
    assert made.scaler.low_w + made.scaler.span_w == pytest.approx(float(made.train.power_w.max()))
    whole = trial(rising, rising + 0.5, Split.PAPER, 0)
    assert whole.scaler.low_w + whole.scaler.span_w == pytest.approx(79_999.5)


def test_a_meter_that_reads_nothing_is_idle() -> None:
    assert is_idle(np.where(np.arange(1000) % 10 < 8, 0.0, 500.0).astype(np.float32))
    assert not is_idle(meter(100, 0))


def test_value_changes_are_finite_and_blind_to_nothing_that_moves() -> None:
    windows = np.stack([np.zeros(WINDOW), np.arange(WINDOW), np.tile([0.0, 90.0], WINDOW // 2)]).astype(np.float32)
    features = value_changes(windows)
    assert features.shape == (3, 4 + 10 * len(LAGS))
    assert np.isfinite(features).all()
    assert (features[0] == 0).all()
    assert len(np.unique(features, axis=0)) == 3


def test_trees_tell_two_meters_apart() -> None:
    made = trial(meter(100, 0), meter(130, 1), Split.BY_TIME, 0)
    assert ((trees(made, 0).test >= 0.5) == (made.test.label > 0)).mean() > 0.98


def row(**changes: object) -> WindowRow:
    fields: dict[str, object] = {"protocol": "paper", "model": "trees", "subject": "a | b", "seed": 0}
    counts = {"true_positive": 34, "false_negative": 8, "false_positive": 8, "true_negative": 150}
    return WindowRow(**{**fields, **counts, **changes})  # type: ignore[arg-type]


def test_the_papers_counts_set_right() -> None:
    paper = row()
    assert paper.accuracy == 0.92
    assert paper.tpr == pytest.approx(0.81, abs=0.005)
    assert paper.fpr == pytest.approx(0.05, abs=0.001)


def test_median_and_worst_are_over_subjects_and_seeds() -> None:
    good = {"true_positive": 42, "false_negative": 0, "false_positive": 0, "true_negative": 158}
    (one,) = spreads([row(), row(subject="c | d", **good), row(seed=1, **good)])
    assert (one.subjects, one.seeds) == (2, (0, 1))
    assert (one.accuracy_median, one.accuracy_worst) == (1.0, 0.92)
    assert (one.fpr_median, one.fpr_worst) == (0.0, 0.0506)


def test_results_outlive_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.jsonl"
    ledger = Ledger(path, WindowRow)
    assert ledger.read() == {}
    ledger.add("one", [row()])
    with path.open("ab") as file:
        file.write(b'{"key":"two","rows":[{"proto')
    ledger.add("three", [row(seed=3), row(seed=4)])
    found = Ledger(path, WindowRow).read()
    assert list(found) == ["one", "three"]
    assert [each.seed for each in found["three"]] == [3, 4]


def test_no_window_of_an_unseen_type_is_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from kilowatch.lab.inject import Injection
    from kilowatch.lab.suites.papers import injected

    meters = [meter(100 * (1 + k), k)[:20_000] for k in range(3)]
    asked: list[tuple[int, Injection]] = []
    known = injected._injected

    def spy(trace: object, start: int, kind: Injection, seed: int) -> NDArray[np.float64] | None:
        asked.append((len(asked), kind))
        return known(trace, start, kind, seed)  # type: ignore[arg-type]

    monkeypatch.setattr(injected, "_readings", lambda: meters)
    monkeypatch.setattr(injected, "_injected", spy)
    made: Trial = injected.injected_trial(injected.Unseen(Injection.STUCK), 0)
    stuck = [place for place, kind in asked if kind is Injection.STUCK]
    assert stuck
    assert stuck == list(range(stuck[0], len(asked))), "the unseen type alone, and in the test alone"
    for part in (made.train, made.validation, made.test):
        assert 0.3 < part.label.mean() <= 0.5
        assert np.isfinite(part.power_w).all()
    assert not rows_of(made.train.power_w) & rows_of(made.validation.power_w)
