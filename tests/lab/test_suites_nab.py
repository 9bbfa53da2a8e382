"""Series that are not power: parity with what is published, and that nothing of the future is used."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from kilowatch.errors import ReadingError
from kilowatch.lab.measure import vus
from kilowatch.lab.suites.contenders import Contender
from kilowatch.lab.suites.nab import AFTER_TRAINING, NabTask, interval_s, on_grid_of_power, run_nab, watts
from kilowatch.lab.suites.nab_series import nab_series
from kilowatch.lab.suites.rhythm import shortest_period, tsb_period
from lab import made_data

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KILOWATCH_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def spectral_residual() -> Any:
    """TSB-AD's own spectral residual, without the rest of the package; it must be there where CI is set."""
    package = importlib.util.find_spec("TSB_AD")
    if package is None or not package.submodule_search_locations:
        advice = "TSB-AD is missing: pip install --no-deps TSB-AD==1.5"
        if os.environ.get("CI"):
            pytest.fail(advice)
        pytest.skip(advice)
    file = Path(package.submodule_search_locations[0]) / "models" / "SR.py"
    spec = importlib.util.spec_from_file_location("spectral_residual", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SR


@pytest.mark.data
def test_a_published_method_comes_out_as_published(spectral_residual: Any) -> None:
    """The buffer, the labels and VUS itself are right if a deterministic method gets the figure printed for it."""
    try:
        series, _ = nab_series()
    except ReadingError as error:
        pytest.skip(f"{error} {error.hint}")
    for one in series:
        buffer = tsb_period(one.value)
        score = spectral_residual(one.value.copy(), buffer)
        assert vus(score, one.label, buffer).pr == pytest.approx(one.published["SR"], abs=1e-5)


def naive_period(value: NDArray[np.float64]) -> int:
    away = value - value.mean()
    size = len(value)
    correlation = [float(away[: size - lag] @ away[lag:]) for lag in range(min(400, size - 1) + 1)][3:]
    inner = range(1, len(correlation) - 1)
    peaks = [k for k in inner if correlation[k - 1] < correlation[k] > correlation[k + 1]]
    if not peaks:
        return 125
    best = max(peaks, key=lambda k: correlation[k])
    return 125 if best < 3 or best > 300 else best + 3


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(40, 900), st.floats(2.0, 450.0))
def test_the_period_is_the_highest_local_maximum_of_the_autocorrelation(seed: int, size: int, period: float) -> None:
    rng = np.random.default_rng(seed)
    value = np.sin(2 * np.pi * np.arange(size) / period) + 0.3 * rng.normal(size=size)
    assert tsb_period(value) == naive_period(value)


@pytest.mark.parametrize(("period", "taken"), [(4, 125), (48, 48), (303, 302), (310, 125)])
def test_a_period_too_short_or_too_long_is_none(period: int, taken: int) -> None:
    value = np.sin(2 * np.pi * np.arange(4000) / period)
    assert naive_period(value) == taken
    assert tsb_period(value) == taken


def test_a_series_without_movement_has_no_period() -> None:
    assert tsb_period(np.ones(500)) == 125
    assert shortest_period(np.ones(500), 6, 400) is None


def test_a_multiple_of_the_rhythm_is_not_taken_for_it() -> None:
    value = np.sin(2 * np.pi * np.arange(3000) / 48) + 0.1 * np.sin(2 * np.pi * np.arange(3000) / 336)
    assert shortest_period(value, 6, 400) in (47, 48, 49)
    assert interval_s(value) == pytest.approx(1800, rel=0.03)


def test_without_a_rhythm_the_interval_is_5_min() -> None:
    assert interval_s(np.random.default_rng(0).normal(size=800)) == 300.0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(60, 300))
def test_the_place_on_the_grid_uses_the_prefix_alone(seed: int, train: int) -> None:
    rng = np.random.default_rng(seed)
    value = rng.normal(rng.uniform(-50, 50), rng.uniform(0.1, 20), 400)
    other = value.copy()
    other[train:] = rng.normal(0, 1000, 400 - train)
    first, second = on_grid_of_power(value, train), on_grid_of_power(other, train)
    np.testing.assert_array_equal(first.code[:train], second.code[:train])
    np.testing.assert_array_equal(first.ts_ms, second.ts_ms)


def test_the_range_of_the_prefix_is_a_kilowatt_and_zero_stays_zero() -> None:
    rests = watts(np.array([0.0, 2.0, 4.0, 8.0, -1.0]), 3)
    np.testing.assert_allclose(rests, [0.0, 500.0, 1000.0, 2000.0, 0.0])
    apart = watts(np.array([60.0, 70.0, 80.0, 50.0, 100.0, 0.0]), 3)
    np.testing.assert_allclose(apart, [1000.0, 1500.0, 2000.0, 500.0, 3000.0, 0.0])
    assert np.isfinite(watts(np.full(5, 3.0), 3)).all()


def test_series_come_with_their_figures(root: Path) -> None:
    folder = made_data.nab(root)
    extra = folder / "009_NAB_id_9_Other_tr_700_1st_1500.parquet"
    extra.write_bytes((folder / f"{made_data.nab_name(0)}.parquet").read_bytes())
    series, left_out = nab_series()
    assert [one.name for one in series] == [made_data.nab_name(number) for number in range(3)]
    assert {one.train for one in series} == {700}
    assert series[1].published == {"Best": 0.5, "AutoEncoder": 0.5, "Worst": 0.1}
    assert left_out == [f"{extra.stem} has no published figures beside it"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("000_NAB_id_0_Made_tr_700_1st_1400", "labels of .* do not fit its series"),
        ("000_NAB_id_0_Made_tr_1550_1st_1500", "overlap"),
        ("000_NAB_id_0_Made", "does not say how much"),
    ],
)
def test_what_does_not_fit_is_refused(root: Path, name: str, reason: str) -> None:
    folder = made_data.nab(root, series=1)
    (folder / f"{made_data.nab_name(0)}.parquet").rename(folder / f"{name}.parquet")
    published = folder / "published.csv"
    published.write_text(published.read_text(encoding="utf-8").replace(made_data.nab_name(0), name), encoding="utf-8")
    with pytest.raises(ReadingError, match=reason):
        nab_series()


def test_series_without_any_figures_are_refused(root: Path) -> None:
    folder = made_data.nab(root, series=1)
    (folder / "published.csv").unlink()
    with pytest.raises(ReadingError, match="published figures"):
        nab_series()


def test_a_detector_is_ranked_on_the_whole_series_and_after_training(root: Path) -> None:
    made_data.nab(root, series=1)
    series = nab_series()[0][0]
    (found,) = run_nab(NabTask(series, Contender("flatness")))
    whole, after = found.rankings
    assert (whole.series, after.series) == (series.name, AFTER_TRAINING)
    assert whole.base_rate == pytest.approx(100 / 2000)
    assert after.base_rate == pytest.approx(100 / 1300)
    (chance,) = run_nab(NabTask(series, Contender("random")))
    assert whole.vus_pr > 2 * chance.rankings[0].vus_pr


def test_what_comes_later_changes_no_score(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[NDArray[np.float64]] = []
    folder = made_data.nab(root, series=1)
    real = vus

    def spy(score: Any, label: Any, buffer: int) -> Any:
        seen.append(np.asarray(score))
        return real(score, label, buffer)

    monkeypatch.setattr("kilowatch.lab.suites.findings.vus", spy)
    run_nab(NabTask(nab_series()[0][0], Contender("hour_of_week")))
    file = folder / f"{made_data.nab_name(0)}.parquet"
    table = parquet.read_table(file)
    value = table["value"].to_numpy().copy()
    value[1700:] *= 3
    parquet.write_table(table.set_column(0, "value", [value]), file)
    run_nab(NabTask(nab_series()[0][0], Contender("hour_of_week")))
    np.testing.assert_array_equal(seen[0][:1700], seen[2][:1700])
    assert (seen[0][1700:] != seen[2][1700:]).any()
