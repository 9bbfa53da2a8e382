"""A bank keeps what is rare, its distances are exact, and no point is its own neighbour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.detectors.coreset import EXACT, most_per_axis, nearest, spread_out, usual_distance


def test_a_point_far_off_is_always_taken() -> None:
    points = np.random.default_rng(0).integers(0, 20, (2000, 3)).astype(np.float32)
    points[1234] = 900
    assert 1234 in spread_out(points, 8)


def test_few_points_are_all_taken_in_order() -> None:
    points = np.arange(12, dtype=np.float32).reshape(6, 2)
    assert spread_out(points, 6).tolist() == [0, 1, 2, 3, 4, 5]


def test_no_point_is_farther_than_twice_the_best_cover() -> None:
    """Gonzalez's bound, where the best cover is known: five heaps of radius 3."""
    random = np.random.default_rng(0)
    centres = np.array([[0, 0], [100, 0], [0, 100], [100, 100], [50, 300]])
    angle, radius = random.uniform(0, 7, 1000), 3 * np.sqrt(random.uniform(0, 1, 1000))
    points = centres[random.integers(0, 5, 1000)] + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    taken = spread_out(points.astype(np.float32), 5)
    assert nearest(points.astype(np.float32), points[taken].astype(np.float32)).max() <= 6.01


@pytest.mark.parametrize("dimensions", [1, 11, 64, 200])
def test_products_at_the_largest_whole_numbers_are_exact(dimensions: int) -> None:
    most = most_per_axis(dimensions)
    assert most * most * dimensions <= EXACT
    points = np.full((1, dimensions), most, dtype=np.float32)
    assert (points @ points.T).item() == most * most * dimensions


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
def test_a_window_is_as_far_alone_as_among_many(seed: int, dimensions: int) -> None:
    random, most = np.random.default_rng(seed), most_per_axis(4 * dimensions)
    points, bank = (random.integers(-most, most + 1, (n, dimensions)).astype(np.float32) for n in (40, 7))
    together = nearest(points, bank)
    alone = np.concatenate([nearest(point[None], bank) for point in points])
    np.testing.assert_array_equal(alone, together)
    apart = np.linalg.norm(points[:, None].astype(np.float64) - bank, axis=2).min(axis=1)
    np.testing.assert_allclose(together, apart, rtol=1e-6)


def test_the_usual_distance_is_that_of_points_that_were_not_learned() -> None:
    points = np.random.default_rng(0).integers(-100, 100, (800, 6)).astype(np.float32)
    everything = np.arange(800)
    assert usual_distance(points, everything, 0.9) > 10
    again = np.tile(points, (2, 1))
    assert usual_distance(again, np.arange(1600), 0.9) == 1.0


def test_it_is_one_at_least() -> None:
    assert usual_distance(np.zeros((0, 3), dtype=np.float32), np.arange(0), 0.9) == 1.0
    assert usual_distance(np.zeros((1, 3), dtype=np.float32), np.arange(1), 0.9) == 1.0
    assert usual_distance(np.zeros((50, 3), dtype=np.float32), np.arange(50), 0.9) == 1.0
