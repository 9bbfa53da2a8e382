"""Block maxima of a past, and of a stream cut anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.fleets import START_MS
from core.score_streams import HOUR_MS, bursty, samples_of, steps_ms
from kilowatch.core.blocks import Blocks, Span, block_maxima, cut_spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST = START_MS // HOUR_MS


def nothing(devices: int) -> Span:
    return Span(
        np.full(devices, -1, dtype=np.int64),
        np.zeros(devices, dtype=np.float32),
        np.zeros(devices, dtype=np.int64),
        np.zeros(devices, dtype=np.bool_),
    )


def test_each_hour_has_its_largest_score() -> None:
    score = bursty(1, 360)
    blocks = block_maxima(score, steps_ms(360))
    assert blocks.index.tolist() == [FIRST, FIRST + 1, FIRST + 2]
    np.testing.assert_allclose(blocks.peak, score.reshape(3, 120).max(axis=1))


def test_blocks_may_have_another_length() -> None:
    assert len(block_maxima(bursty(1, 360), steps_ms(360), block_s=1800)) == 6


def test_hours_with_too_few_samples_are_left_out() -> None:
    at, score = steps_ms(360), bursty(1, 360)
    usable = np.ones(360, dtype=np.bool_)
    usable[120:181] = False
    score[240:301] = np.nan
    assert block_maxima(score, at, usable=usable).index.tolist() == [FIRST]
    usable[120] = True
    score[240] = 1.0
    assert len(block_maxima(score, at, usable=usable)) == 3


def test_what_is_not_usable_does_not_count() -> None:
    score = np.ones(120, dtype=np.float32)
    score[7] = 99.0
    usable = score < 99.0
    assert block_maxima(score, steps_ms(120), usable=usable).peak.tolist() == [1.0]


@pytest.mark.parametrize("size", [0, 1])
def test_next_to_nothing_has_no_blocks(size: int) -> None:
    blocks = block_maxima(np.ones(size, dtype=np.float32), steps_ms(size))
    assert len(blocks) == 0
    assert len(blocks.separate) == 0


def test_of_neighbouring_blocks_only_the_largest_is_an_alarm_of_its_own() -> None:
    blocks = Blocks(np.array([1, 2, 3, 4, 9, 10]), np.array([5.0, 7.0, 7.0, 2.0, 3.0, 4.0]))
    assert blocks.separate.tolist() == [0.0, 7.0, 0.0, 0.0, 0.0, 4.0]


def test_blocks_with_a_gap_between_them_are_not_neighbours() -> None:
    blocks = Blocks(np.array([1, 3, 5]), np.array([5.0, 6.0, 5.0]))
    assert blocks.separate.tolist() == [5.0, 6.0, 5.0]


def finished_spans(
    at: NDArray[np.int64], slot: NDArray[np.int64], score: NDArray[np.float32], cuts: list[int]
) -> dict[int, list[tuple[int, float, int, bool]]]:
    """Return the spans of each device that a later block has ended, from a stream cut into batches."""
    open_ = nothing(3)
    found: dict[int, list[tuple[int, float, int, bool]]] = {device: [] for device in range(3)}
    for first, last in zip([0, *cuts], [*cuts, len(at)], strict=True):
        if first == last:
            continue
        rows = first + np.argsort(slot[first:last], kind="stable")
        samples = samples_of(at[rows], slot[rows])
        spoilt = score[rows] > 3.0
        who = samples.segments.slot
        spans = cut_spans(samples, score[rows], spoilt, Span(*(column[who] for column in open_)))
        for row in np.flatnonzero(spans.finishes & (spans.ahead.block >= 0)):
            ahead = Span(*(column[row] for column in spans.ahead))
            device = int(spans.segments.slot[spans.segments.of_row[row]])
            found[device].append((int(ahead.block), float(ahead.peak), int(ahead.covered), bool(ahead.spoilt)))
        for kept, column in zip(open_, spans.now, strict=True):
            kept[who] = column[spans.segments.ends]
    return found


@given(st.integers(0, 2**32 - 1), st.integers(1, 150), st.data())
@settings(max_examples=50, deadline=None)
def test_any_cut_gives_the_same_spans(seed: int, size: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    at = START_MS + np.sort(rng.integers(0, 8 * HOUR_MS, size))
    slot, score = rng.integers(0, 3, size), rng.gamma(2, 1, size).astype(np.float32)
    score[rng.random(size) < 0.1] = np.nan
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=8)))
    assert finished_spans(at, slot, score, cuts) == finished_spans(at, slot, score, [])


def test_a_span_knows_its_peak_and_how_much_of_it_is_known() -> None:
    score = np.array([1, np.nan, 4, 2], dtype=np.float32)
    found = finished_spans(steps_ms(4, step_ms=HOUR_MS // 3), np.zeros(4, dtype=np.int64), score, [2])
    assert found[0] == [(FIRST, 4.0, 2, True)]


def test_a_late_sample_counts_for_the_block_that_has_begun() -> None:
    at = START_MS + np.array([0, HOUR_MS, 10, 2 * HOUR_MS])
    score = np.array([1, 2, 3, 1], dtype=np.float32)
    for cuts in ([], [2], [1, 2, 3]):
        found = finished_spans(at, np.zeros(4, dtype=np.int64), score, cuts)
        assert [block[:3] for block in found[0]] == [(FIRST, 1.0, 1), (FIRST + 1, 3.0, 2)]
