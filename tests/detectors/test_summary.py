"""Eight numbers of the last two hours, each against a plain reckoning of the same."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.samples import Arrivals
from kilowatch.core.quantise import decode_watts, encode_watts
from kilowatch.core.window import WindowRing
from kilowatch.detectors.summary import FEATURES, Summary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def features(watts: NDArray[np.float64], cuts: Iterable[int] = (), floor_w: float = 1.0) -> NDArray[np.int64]:
    arrivals, summary, ring = Arrivals.of(watts), Summary(), WindowRing()
    summary.reserve(1)
    ring.reserve(1)
    said, edges = [], [0, *sorted({cut for cut in cuts if 0 < cut < len(watts)}), len(watts)]
    for start, end in itertools.pairwise(edges):
        _, samples = arrivals.batch(start, end)
        view = ring.view(samples)
        said.append(summary.advance(samples, view, np.full(len(samples), floor_w)))
        ring.commit(view)
    return np.concatenate(said)


def some_watts(seed: int, size: int = 400) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return np.where(random.uniform(0, 1, size) < 0.1, 1500, 80) * random.uniform(0.5, 1.5, size)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.lists(st.integers(1, 399), max_size=8))
def test_cuts_do_not_matter(seed: int, cuts: list[int]) -> None:
    np.testing.assert_array_equal(features(some_watts(seed), cuts), features(some_watts(seed)))


def test_levels_and_extremes_are_those_of_the_last_values() -> None:
    watts = some_watts(3)
    kept = decode_watts(encode_watts(watts)).astype(np.float64)
    said = features(watts)
    for row in (5, 59, 60, 61, 130, 399):
        for column, span in ((0, 1), (1, 10), (2, 60)):
            mean_w = kept[max(row + 1 - span, 0) : row + 1].mean() + 1
            assert abs(said[row, column] - int(encode_watts(np.array([mean_w]))[0])) <= 4
        begin = max((row // 60 - 1) * 60, 0)
        for column, end_w in ((3, kept[begin : row + 1].min()), (4, kept[begin : row + 1].max())):
            assert abs(said[row, column] - int(encode_watts(np.array([end_w + 1]))[0])) <= 1


def test_unrest_is_how_much_it_moves() -> None:
    calm, restless = (np.full(300, 100.0) + size * (-1.0) ** np.arange(300) for size in (0.0, 50.0))
    assert (features(calm)[200, 5:7] == features(calm)[299, 5:7]).all()
    moved_w = decode_watts(features(restless)[200, 5:7].astype(np.uint16))
    np.testing.assert_allclose(moved_w, 100.2, rtol=0.01)


def test_stillness_grows_while_nothing_moves() -> None:
    watts = np.append(some_watts(0, 100), np.full(800, 77.0))
    still = features(watts)[:, -1]
    assert (np.diff(still[100:690]) > 0).all()
    assert still[750] == still[899]
    assert still[50] < still[110]


def test_a_gap_begins_anew() -> None:
    watts = some_watts(1)
    arrivals, summary, ring = Arrivals.of(watts, gaps=(150,)), Summary(), WindowRing()
    summary.reserve(1)
    ring.reserve(1)
    _, samples = arrivals.batch()
    said = summary.advance(samples, ring.view(samples), np.ones(len(samples)))
    assert said.shape == (400, FEATURES)
    np.testing.assert_array_equal(said[150:], features(watts[150:]))
