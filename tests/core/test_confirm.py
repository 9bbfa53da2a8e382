"""k of n, against a loop over one device's scores; and bursts, against the words that define them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.score_streams import samples_of, steps_ms
from kilowatch.core.confirm import LONGEST, Bursts, Confirm
from kilowatch.errors import ConfigError

Scores = NDArray[np.float32]


def bursts_of(n: int = 3, devices: int = 1) -> Bursts:
    bursts = Bursts(n)
    bursts.reserve(devices)
    return bursts


def confirm_of(k: int = 2, n: int = 3, devices: int = 1) -> Confirm:
    confirm = Confirm(k, n)
    confirm.reserve(devices)
    return confirm


def confirmed(scores: list[float], k: int = 2, n: int = 3) -> list[float]:
    score = np.array(scores, dtype=np.float32)
    return confirm_of(k, n).update(samples_of(steps_ms(len(score))), score).tolist()


def by_hand(score: Scores, count: NDArray[np.int64], k: int, n: int) -> Scores:
    out = np.empty(len(score), dtype=np.float32)
    for row in range(len(score)):
        last = score[max(row + 1 - min(n, int(count[row])), 0) : row + 1]
        known = np.where(np.isnan(last), 0, last)
        ranked = np.sort(np.append(known, np.zeros(n - len(last))))[::-1]
        out[row] = np.nan if np.isnan(last).all() else ranked[k - 1]
    return out


def bursts_by_hand(score: Scores, count: NDArray[np.int64], ts_ms: NDArray[np.int64], n: int) -> list[int]:
    since, quiet, out = -1, n, []
    for row in range(len(score)):
        if count[row] == 1:
            since, quiet = -1, n
        if score[row] >= 1:
            since, quiet = (int(ts_ms[row]) if quiet >= n else since), 0
        else:
            quiet += 1
        since = -1 if quiet >= n else since
        out.append(since)
    return out


def test_a_score_counts_once_k_of_the_last_n_reach_it() -> None:
    assert confirmed([0, 5, 0, 4, 3, 0, 0]) == [0, 0, 0, 4, 3, 3, 0]


def test_one_of_one_is_the_score_itself() -> None:
    assert confirmed([1, 0, 7], k=1, n=1) == [1, 0, 7]


def test_an_unknown_score_counts_as_zero_until_nothing_is_known() -> None:
    nan = np.nan
    got = confirmed([3, nan, 4, nan, nan, nan, 2])
    assert got[:5] == [0, 0, 3, 0, 0]
    assert np.isnan(got[5])
    assert got[6] == 0


def test_the_window_restarts_where_the_count_does() -> None:
    count = np.array([7, 8, 1, 2])
    score = np.array([5, 5, 5, 4], dtype=np.float32)
    confirm = confirm_of()
    assert confirm.update(samples_of(steps_ms(4), count=count), score).tolist() == [0, 5, 0, 4]
    assert bursts_of().since(samples_of(steps_ms(4), count=count), score).tolist() == [
        int(steps_ms(1)[0]),
        int(steps_ms(1)[0]),
        int(steps_ms(3)[2]),
        int(steps_ms(3)[2]),
    ]


def test_a_burst_outlives_fewer_than_n_quiet_samples() -> None:
    score = np.array([0, 2, 0, 0, 1, 0, 0, 0, 3], dtype=np.float32)
    at = steps_ms(9)
    since = bursts_of().since(samples_of(at), score)
    assert since.tolist() == [-1, *[at[1]] * 6, -1, at[8]]


@st.composite
def streams(draw: st.DrawFn) -> tuple[Scores, NDArray[np.int64], NDArray[np.int64]]:
    """Return scores, slots and counts of a few devices that take turns at random and restart at times."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, 80))
    slot = rng.integers(0, draw(st.integers(1, 4)), size)
    score = rng.choice([0.0, 0.4, 1.0, 2.0, np.nan], size).astype(np.float32)
    count, running = np.empty(size, dtype=np.int64), dict.fromkeys(range(4), 0)
    for row in range(size):
        running[int(slot[row])] = 1 if rng.random() < 0.1 else running[int(slot[row])] + 1
        count[row] = running[int(slot[row])]
    return score, slot, count


@given(streams(), st.integers(1, LONGEST), st.data())
@settings(max_examples=50, deadline=None)
def test_any_mix_and_any_cut_give_what_a_loop_gives(
    stream: tuple[Scores, NDArray[np.int64], NDArray[np.int64]], n: int, data: st.DataObject
) -> None:
    score, slot, count = stream
    k, size = data.draw(st.integers(1, n)), len(score)
    at = steps_ms(size)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=6)))
    confirm, bursts = confirm_of(k, n, devices=4), bursts_of(n, devices=4)
    got, since = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.int64)
    for first, last in zip([0, *cuts], [*cuts, size], strict=True):
        rows = first + np.argsort(slot[first:last], kind="stable")
        samples = samples_of(at[rows], slot[rows], count[rows])
        got[rows], since[rows] = confirm.update(samples, score[rows]), bursts.since(samples, score[rows])
    for device in range(4):
        own = slot == device
        np.testing.assert_array_equal(got[own], by_hand(score[own], count[own], k, n))
        assert since[own].tolist() == bursts_by_hand(score[own], count[own], at[own], n)


def test_scores_on_another_scale_are_confirmed_alike() -> None:
    score = np.random.default_rng(0).gamma(2, 1, 200).astype(np.float32)
    samples = samples_of(steps_ms(200))
    np.testing.assert_array_equal(confirm_of().update(samples, 4 * score), 4 * confirm_of().update(samples, score))


def test_scores_handed_in_are_left_as_they_are() -> None:
    score = np.array([1, np.nan, 3], dtype=np.float32)
    confirm_of().update(samples_of(steps_ms(3)), score)
    np.testing.assert_array_equal(score, np.array([1, np.nan, 3], dtype=np.float32))


def test_room_for_more_keeps_what_is_known() -> None:
    confirm = confirm_of()
    confirm.update(samples_of(steps_ms(1)), np.array([4], dtype=np.float32))
    confirm.reserve(10)
    got = confirm.update(samples_of(steps_ms(1, 1), count=np.array([2])), np.array([6], dtype=np.float32))
    assert got.tolist() == [4]
    assert sum(array.nbytes for array in confirm.state().values()) <= 10 * 28


@pytest.mark.parametrize(("k", "n"), [(0, 3), (4, 3), (1, LONGEST + 1)])
def test_what_cannot_be_confirmed_is_refused(k: int, n: int) -> None:
    with pytest.raises(ConfigError):
        Confirm(k, n)
