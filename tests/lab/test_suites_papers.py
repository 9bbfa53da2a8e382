"""The papers' suites: splits, injections nobody saw, results that outlive an interruption, and quick runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from kilowatch.core.device import Kind, first_seen
from kilowatch.core.outputs_papers import WindowRow
from kilowatch.errors import ReadingError
from kilowatch.lab.datasets import Family, MeterFile
from kilowatch.lab.measure import Detection, OpenTime, Rate
from kilowatch.lab.suites.findings import AtRate, Findings, Ranking, Target
from kilowatch.lab.suites.papers import several
from kilowatch.lab.suites.papers.classify import LAGS, trees, value_changes
from kilowatch.lab.suites.papers.cloud import CloudOptions, cloud_tasks
from kilowatch.lab.suites.papers.edge import spreads
from kilowatch.lab.suites.papers.improved import improved
from kilowatch.lab.suites.papers.kept import KeptFindings
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.lab.suites.papers.meters import WINDOW, Split, Trial, is_idle, trial
from kilowatch.lab.suites.papers.pages import NOTHING, cloud_text, edge_text, several_text, with_measured
from kilowatch.lab.suites.papers.recipes import RECIPES
from kilowatch.lab.suites.papers.several import Change, changed

if TYPE_CHECKING:
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


def test_findings_outlive_an_interruption_whole() -> None:
    found = Detection(np.array([True, False]), np.array([120.0, np.nan]))
    none = np.zeros(0, dtype=np.bool_)
    ranking = Ranking("tv", 0.5, 0.6, 0.4, 0.1, np.linspace(1, 0, 51))
    one = Findings(
        detector="autoencoder",
        device="tv",
        seed=3,
        rankings=(ranking,),
        at={1.0: AtRate(Rate(2, 1.5), OpenTime(10, 100), found, found, none)},
        targets=(Target("H1", "low", "a"), Target("T8", "high", "b")),
        invisible=1,
    )
    line = msgspec.json.encode(KeptFindings.of(one))
    back = msgspec.json.decode(line, type=KeptFindings).findings()
    assert KeptFindings.of(back) == KeptFindings.of(one)
    assert back.at[1.0].found.delay_median_s == 120
    assert np.isnan(back.at[1.0].found.delay_s[1])
    assert back.targets == one.targets
    np.testing.assert_array_equal(back.rankings[0].precision, ranking.precision)


def test_a_cloud_task_is_known_by_all_that_decides_it() -> None:
    meter_file = MeterFile(Family.TRACEBASE, Path("tv.parquet"), first_seen("home", "tv", Kind.TV))
    options = CloudOptions(seeds=2)
    tasks = cloud_tasks([meter_file], options)
    assert len({task.key for task in tasks}) == len(tasks) == len(RECIPES) + 1
    assert tasks[0].key != replace(tasks[0], epochs=7).key


def test_the_pages_tables_hold_the_figures_of_the_rows() -> None:
    counts = {"true_positive": 40, "false_negative": 10, "false_positive": 15, "true_negative": 135}
    rows = [row(**counts), row(model="conv-lstm", subject="c | d", idle=True)]
    text = edge_text({"paper; a | b; seed 0; 100 epochs": rows, "paper; a | b; seed 0; 3 epochs": [row(seed=9)]}, 100)
    assert "seeds 0;" in text
    assert "| paper | trees | 1 | 0.875 (0.875) | 0.800 (0.800) | 0.100 (0.100) |" in text
    assert "| paper, none idle | conv-lstm" not in text
    assert "| c, d | yes | – | 0.920 |" in text
    assert "trees: none" in text
    assert edge_text({}, 100) == cloud_text({}, 100) == several_text([]) == NOTHING


def test_a_measured_part_is_replaced_and_nothing_else() -> None:
    page = "# A\n\n<!-- measured: edge -->\nold\n<!-- end of measured -->\n\nrest\n"
    once = with_measured(page, "edge", "new")
    assert "old" not in once
    assert once.startswith("# A\n")
    assert once.endswith("<!-- end of measured -->\n\nrest\n")
    assert with_measured(once, "edge", "new") == once
    with pytest.raises(ReadingError, match="no part 'cloud'"):
        with_measured(page, "cloud", "new")


def test_every_part_of_the_page_is_there() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
    for name in ("edge", "cloud", "several"):
        assert with_measured(page, name, "x") != page


def test_the_improved_recipe_learns_what_trees_learn() -> None:
    made = trial(meter(100, 0), meter(112, 1), Split.PAPER, 0)
    said = improved(made, 3, 0)
    assert ((said.test >= 0.5) == (made.test.label > 0)).mean() > 0.95
    assert said.best_epoch is not None


@pytest.mark.parametrize("change", Change)
def test_one_channel_is_changed_where_it_is_said_and_the_others_stay(change: Change) -> None:
    rng = np.random.default_rng(0)
    windows = rng.uniform(0, 100, (30, 2, several.WINDOW)).astype(np.float32)
    odd, where = changed(windows, 1, change, rng)
    assert len(odd) == len(where) > 20
    kept = [int(np.flatnonzero((windows[:, 0] == one[0]).all(axis=1))[0]) for one in odd]
    np.testing.assert_array_equal(odd[:, 0], windows[kept, 0])
    assert not ((odd[:, 1] != windows[kept, 1]) & ~where).any()
    assert ((where.sum(axis=1) >= several.WINDOW // 4) & (where.sum(axis=1) <= several.WINDOW // 2)).all()


def test_a_channel_that_stands_still_is_not_counted_as_changed() -> None:
    windows = np.ones((10, 2, several.WINDOW), dtype=np.float32)
    windows[:, 1, ::2] = 50
    odd, _ = changed(windows, 0, Change.HELD, np.random.default_rng(0))
    assert len(odd) == 0
    odd, _ = changed(windows, 1, Change.HELD, np.random.default_rng(0))
    assert len(odd) == 10
