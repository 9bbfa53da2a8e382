from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ConfigError, ReadingError
from kilowatch.nets.windows import Windows, check_data, cut, refuse_overlap, split_by_time, split_shuffled
from nets.made import START_MS, STEP_MS, cycles, series


def made(device: str = "fridge", samples: int = 3000, seed: int = 0, *, abnormal: bool = False) -> Windows:
    return cut(series(device, cycles(samples, 8, 23, seed)), 40, 40, abnormal=abnormal)


def test_windows_are_whole_and_oldest_first() -> None:
    past = series("fridge", np.arange(1.0, 101.0))
    windows = cut(past, 40, 30)
    assert windows.power_w.shape == (3, 40)
    np.testing.assert_allclose(windows.power_w[1], np.arange(31.0, 71.0), rtol=2e-4)
    assert windows.end_ms.tolist() == [START_MS + STEP_MS * k for k in (40, 70, 100)]
    assert windows.begin_ms.tolist() == [START_MS + STEP_MS * k for k in (0, 30, 60)]


def test_windows_over_a_gap_or_what_is_not_usable_are_left_out() -> None:
    past = series("fridge", np.arange(1.0, 201.0))
    past.usable[50] = False
    past.count[120:] -= 120
    ends = (cut(past, 40, 1).end_ms - START_MS) // STEP_MS - 1
    assert ends.tolist() == [*range(39, 50), *range(90, 120), *range(159, 200)]


@given(st.integers(60, 900), st.integers(5, 60), st.floats(0.05, 0.9))
@settings(deadline=None, max_examples=50)
def test_a_split_by_time_never_leaks(samples: int, stride: int, share: float) -> None:
    windows = cut(series("fridge", cycles(samples, 8, 23)), 40, stride)
    train, validation = split_by_time(windows, share)
    refuse_overlap(train, validation)
    if len(train) and len(validation):
        assert train.end_ms.max() <= validation.begin_ms.min()


def test_a_shuffled_split_of_windows_side_by_side_does_not_leak() -> None:
    train, validation = split_shuffled(made(), 0.25, seed=1)
    assert len(train) + len(validation) == len(made())
    refuse_overlap(train, validation)


def test_overlap_is_refused_and_named() -> None:
    dense = cut(series("fridge", cycles(3000, 8, 23)), 40, 10)
    with pytest.raises(ConfigError, match="home/fridge share readings with training, the first at 2026-01-01"):
        refuse_overlap(*split_shuffled(dense, 0.25, seed=1))


def test_a_copy_under_another_name_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"home/other at .* is a copy of one of home/fridge"):
        refuse_overlap(made(), made("other"))
    refuse_overlap(made(), made("other", seed=1))


def test_idle_windows_of_two_devices_are_no_copies() -> None:
    idle = np.full(3000, 2.0)
    refuse_overlap(cut(series("a", idle), 40, 40), cut(series("b", idle), 40, 40))


def test_what_cannot_train_is_refused() -> None:
    train, validation = split_by_time(made(), 0.25)
    check_data(train, validation, labelled=False)
    with pytest.raises(ReadingError, match="3 training windows are too few"):
        check_data(train.take(np.arange(3)), validation, labelled=False)
    with pytest.raises(ConfigError, match="All training windows are normal"):
        check_data(train, validation, labelled=True)
    power_w = train.power_w.copy()
    power_w[4, 3] = np.nan
    with pytest.raises(ReadingError, match="1 training windows hold NaN"):
        check_data(dataclasses.replace(train, power_w=power_w), validation, labelled=False)
    flat = dataclasses.replace(train, power_w=np.full_like(train.power_w, 5))
    with pytest.raises(ReadingError, match="always 5 W"):
        check_data(flat, validation, labelled=False)


def test_devices_are_joined_by_name() -> None:
    joined = Windows.join([made(), made("heater", seed=2, abnormal=True), made()])
    assert joined.names == ("home/fridge", "home/heater")
    assert np.bincount(joined.source).tolist() == [2 * len(made()), len(made())]
    assert joined.label.mean() == pytest.approx(1 / 3)
    with pytest.raises(ConfigError, match="30 s, 60 s"):
        Windows.join([made(), dataclasses.replace(made(), interval_ms=60_000)])
