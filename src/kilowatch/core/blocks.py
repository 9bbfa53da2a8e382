"""Scores by the hour: the largest of each block of time is one observation, for neighbours are almost copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples

BLOCK_S = 3600
BLOCKS_PER_DAY = 24
BLOCKS_PER_WEEK = 168


@dataclass(frozen=True, slots=True)
class Blocks:
    """The largest score of each block of one device's past that holds enough samples.

    index: int64[m], ts_ms // block length, rising. peak: float64[m].
    """

    index: NDArray[np.int64]
    peak: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def separate(self) -> NDArray[np.float64]:
        """Peaks, with 0 where a neighbouring block's is larger: two such blocks would make one alarm."""
        beside = np.diff(self.index) == 1
        # Under every peak, so that a block without neighbours stands by itself.
        before, after = np.full((2, len(self)), -1.0)
        before[1:][beside] = self.peak[:-1][beside]
        after[:-1][beside] = self.peak[1:][beside]
        # Strict on one side alone: of equal neighbours exactly one is left.
        return np.where((self.peak > before) & (self.peak >= after), self.peak, 0.0)


def block_maxima(
    score: NDArray[np.floating],
    ts_ms: NDArray[np.int64],
    block_s: int = BLOCK_S,
    usable: NDArray[np.bool_] | None = None,
) -> Blocks:
    """Return the largest confirmed raw score of each block of one device, whose samples rise in time.

    Blocks of which less than half is covered by usable and known (not NaN) scores are left out.
    """
    counted = ~np.isnan(score) if usable is None else usable & ~np.isnan(score)
    index, known = ts_ms[counted] // (block_s * 1000), score[counted]
    if len(index) == 0:
        return Blocks(index, known.astype(np.float64))
    starts = np.flatnonzero(np.append(True, index[1:] != index[:-1]))
    enough = 2 * np.diff(starts, append=len(index)) * spacing_ms(ts_ms) >= block_s * 1000
    peak = np.maximum.reduceat(known, starts).astype(np.float64)
    return Blocks(index[starts][enough], peak[enough])


def spacing_ms(ts_ms: NDArray[np.int64]) -> float:
    """Return the usual step of one device's samples in ms, 0 where there is only one."""
    return float(np.median(np.diff(ts_ms))) if len(ts_ms) > 1 else 0.0


class Span(NamedTuple):
    """Samples of one device within one block, each an array over spans.

    block: index of the block, -1 before a device's first. peak: float32, largest confirmed score. covered: how many
    samples have a known one. spoilt: bool, not to be learnt from.
    """

    block: NDArray[Any]
    peak: NDArray[Any]
    covered: NDArray[Any]
    spoilt: NDArray[Any]


class Spans(NamedTuple):
    """A batch cut where the device or the block changes.

    segments: of the spans by device. starts: intp[m], first row of each span. ahead: the span before each, which a
    device may have brought along from an earlier batch. now: the spans themselves, joined with what was brought
    along in the same block. finishes: bool[m], the span ahead is over, for this one lies in a later block.
    """

    segments: Segments
    starts: NDArray[np.intp]
    ahead: Span
    now: Span
    finishes: NDArray[np.bool_]


def cut_spans(samples: Samples, confirmed: NDArray[np.float32], spoilt: NDArray[np.bool_], brought: Span) -> Spans:
    """Return the spans of at least one sample; `brought`: each segment's span that was open before the batch.

    A sample that comes late, after one of a later block, counts for that later block.
    """
    rows = samples.segments
    block = rows.running_max(samples.ts_ms // (BLOCK_S * 1000), brought.block)
    begins = np.empty(rows.size, dtype=np.bool_)
    np.not_equal(block[1:], block[:-1], out=begins[1:])
    begins[rows.starts] = True
    starts = np.flatnonzero(begins)
    segments = Segments.of_sorted(samples.slot[starts])
    known = ~np.isnan(confirmed)
    now = Span(
        block=block[starts],
        peak=np.maximum.reduceat(np.where(known, confirmed, np.float32(0.0)), starts),
        covered=np.add.reduceat(known, starts, dtype=np.int64),
        spoilt=np.logical_or.reduceat(spoilt, starts),
    )
    # Only the first span of a device can go on with what an earlier batch left open.
    first = segments.starts
    same = now.block[first] == brought.block
    now.peak[first] = np.maximum(now.peak[first], np.where(same, brought.peak, np.float32(0.0)))
    now.covered[first] += same * brought.covered
    now.spoilt[first] |= same & brought.spoilt
    ahead = Span(*(segments.shift(column, before) for column, before in zip(now, brought, strict=True)))
    finishes = np.ones(len(starts), dtype=np.bool_)
    finishes[first] = ~same
    return Spans(segments, starts, ahead, now, finishes)
