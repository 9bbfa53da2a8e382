"""Other libraries' detectors keep the same protocol: fitted once, causal, and refused where they cannot be."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY, Arrivals, Watch, series_of
from kilowatch.core.detector import Detector
from kilowatch.detectors import compare_libraries
from kilowatch.detectors.compare import Fitted
from kilowatch.detectors.compare_libraries import Library, names_in
from kilowatch.detectors.registry import create
from kilowatch.errors import DetectorError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

for package in ("pyod", "river", "aeon"):
    # Not imported: that takes seconds, and these tests are collected by every worker.
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)


class Compared(Battery):
    name = ""

    def make(self) -> Detector:
        return create(self.name)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + 240] = 150.0
        return watts, PER_DAY

    def test_samples_to_look_away_from_are_not_learned(self) -> None:
        watts, live = self.normal_w(3, 0), self.live(0.3)
        usable = np.arange(len(watts)) % 2000 > 300
        scores = []
        for level_w in (0.0, 1e5):
            watch = Watch.over(self.make())
            watch.detector.fit(0, series_of(np.where(usable, watts, level_w), usable=usable))
            scores.append(watch.feed(live))
        np.testing.assert_array_equal(scores[0], scores[1])


class TestHistogram(Compared):
    name = "pyod:HBOS"


class TestLoda(Compared):
    name = "river:LODA"


def fed(name: str, cuts: Iterable[int] = ()) -> NDArray[np.float32]:
    """Scores of a fridge that draws twice as much for an hour from row 300 on."""
    random, place = np.random.default_rng(0), np.arange(3000)
    watts = np.where(place % 90 < 30, 90.0, 0.0) + random.uniform(0, 2, len(place))
    watch = Watch.over(create(name))
    watch.detector.fit(0, series_of(watts))
    live = watts[:500].copy()
    live[300:420] += 180
    return watch.feed(Arrivals.of(live, start_ms=1_767_700_000_000), cuts)


@pytest.mark.parametrize(
    "name", ["pyod:ECOD", "pyod:KNN", "river:GaussianScorer", "river:HalfSpaceTrees", "aeon:KMeansAD"]
)
def test_each_library_finds_what_was_never_there_however_it_is_cut(name: str) -> None:
    raw = fed(name)
    first = int(np.isnan(raw).sum())
    assert first == create(name).needs - 1
    assert raw[310:420].max() > 1.1 * raw[first:300].max()
    np.testing.assert_array_equal(fed(name, range(210, 480, 7)), raw)


def test_what_ranks_a_batch_against_itself_gets_each_window_alone() -> None:
    for name, alone in (("pyod:ECOD", True), ("pyod:HBOS", False)):
        watch = Watch.over(create(name))
        watch.detector.fit(0, series_of(np.random.default_rng(0).uniform(0, 100, 1500)))
        fitted = watch.detector.state()["model"][0]
        assert isinstance(fitted, Fitted)
        assert fitted.alone is alone


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pyod:ECODD", "pyod:ECOD"),
        ("river:halfspacetrees", "river:HalfSpaceTrees"),
        ("aeon:STAMP", "aeon:STOMP"),
        ("pyod:zzzzz", "Choose one of: ABOD"),
        ("weka:IForest", "pyod, river, aeon"),
    ],
)
def test_a_wrong_name_hints_at_the_nearest(name: str, said: str) -> None:
    with pytest.raises(DetectorError) as caught:
        create(name)
    assert said in caught.value.hint


@pytest.mark.parametrize("name", ["pyod:EmbeddingOD", "river:QuantileFilter"])
def test_what_cannot_stand_alone_is_refused(name: str) -> None:
    with pytest.raises(DetectorError):
        create(name)


def test_what_needs_labels_says_so_when_it_learns() -> None:
    watch = Watch.over(create("pyod:COF"))
    with pytest.raises(DetectorError, match="pyod:COF could not learn"):
        watch.detector.fit(0, series_of(np.random.default_rng(0).uniform(0, 100, 1500)))


def test_each_library_names_its_detectors() -> None:
    assert {"ECOD", "IForest", "KShape"} <= set(names_in(Library.PYOD))
    assert {"HalfSpaceTrees", "LocalOutlierFactor"} <= set(names_in(Library.RIVER))
    assert {"KMeansAD", "STOMP", "LeftSTAMPi"} <= set(names_in(Library.AEON))


def test_without_a_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(compare_libraries, "find_spec", lambda name: None if name == "river" else there(name))
    with pytest.raises(MissingExtraError) as caught:
        create("river:HalfSpaceTrees")
    assert "kilowatch[compare]" in caught.value.hint
    assert isinstance(create("pyod:HBOS"), Detector)
