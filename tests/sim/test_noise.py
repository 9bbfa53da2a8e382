from __future__ import annotations

import numpy as np
import pytest

from kilowatch.sim.noise import Streams, normal, uniform

TICKS = np.arange(50_000, dtype=np.int64)
KEY = Streams(3).key("fridge")


def test_noise_is_a_function_of_key_and_tick_alone() -> None:
    shuffled = np.random.default_rng(0).permutation(TICKS)
    assert np.array_equal(normal(KEY, shuffled), normal(KEY, TICKS)[shuffled])
    assert np.array_equal(uniform(KEY, TICKS[100:200]), uniform(KEY, TICKS)[100:200])


def test_normal_noise_has_mean_0_and_sd_1_and_no_memory() -> None:
    values = normal(KEY, TICKS)
    assert values.mean() == pytest.approx(0.0, abs=0.02)
    assert values.std() == pytest.approx(1.0, abs=0.02)
    assert np.abs(values).max() < 3.5
    assert np.corrcoef(values[1:], values[:-1])[0, 1] == pytest.approx(0.0, abs=0.02)


def test_uniform_noise_fills_zero_to_one_evenly() -> None:
    counts, _ = np.histogram(uniform(KEY, TICKS), bins=10, range=(0.0, 1.0))
    assert counts.sum() == len(TICKS)
    assert counts.min() > 4_700


@pytest.mark.parametrize("other", [Streams(3).key("freezer"), Streams(4).key("fridge"), ~KEY])
def test_other_names_seeds_and_inverted_keys_give_other_noise(other: np.uint64) -> None:
    assert np.corrcoef(normal(KEY, TICKS), normal(other, TICKS))[0, 1] == pytest.approx(0.0, abs=0.02)


def test_streams_differ_by_seed_name_and_day_and_repeat() -> None:
    def first(seed: int, name: str, day: int) -> float:
        return float(Streams(seed).generator(name, day).random())

    assert first(1, "tv", 20) == first(1, "tv", 20)
    assert len({first(1, "tv", 20), first(2, "tv", 20), first(1, "lamp", 20), first(1, "tv", 21)}) == 4


def test_a_negative_seed_and_a_day_before_1970_are_fine() -> None:
    assert 0 <= Streams(-1).generator("tv", -5).random() < 1
