"""Volume under the surface: ranking quality averaged over how much lag is forgiven.

Paparrizos, Boniol, Palpanas, Tsay, Elmore, Franklin, "Volume Under the Surface: A New Accuracy Evaluation Measure
for Time-Series Anomaly Detection" (PVLDB 15(11), 2022); the variant of Liu & Paparrizos, "The Elephant in the
Room" (TSB-AD, NeurIPS 2024), whose published code is the reference that the tests pin this module to.

For each buffer w = 0..W, the label of an event falls off beside it as sqrt(1 - d/w) up to the distance w // 2. With
the labels so softened, precision, recall (times the share of events touched at all) and fall-out are drawn over
a fixed number of thresholds, and the areas under the curves are averaged over w. Nothing is point-adjusted: the
samples of an event that the score missed stay missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ConfigError
from kilowatch.lab.measure.ranking import base_rate, checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

THRESHOLDS = 250
"""The number of thresholds that published figures use; they are not comparable across different numbers."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Both volumes of one score, and the base rate that a random score's `pr` lies near."""

    pr: float
    roc: float
    base_rate: float


@dataclass(frozen=True, slots=True)
class _Events:
    """Labelled runs of samples: first and last row of each, intp[e], in order and never touching."""

    first: NDArray[np.intp]
    last: NDArray[np.intp]

    @classmethod
    def of(cls, label: NDArray[np.bool_]) -> _Events:
        edge = np.diff(label.astype(np.int8), prepend=0, append=0)
        return cls(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1) - 1)


def vus(score: ArrayLike, label: ArrayLike, buffer: int, thresholds: int = THRESHOLDS) -> Volume:
    """Return VUS-PR and VUS-ROC of one series, forgiving lags up to half of `buffer` samples.

    score: float[n], higher is odder. label: bool[n] or 0/1. Raises `ReadingError` on NaN scores and on labels
    that are all one kind, `ConfigError` on a negative buffer or fewer than two thresholds.
    """
    scores, labels = checked(score, label)
    if buffer < 0 or thresholds < 2:
        raise ConfigError(
            f"VUS needs a buffer of 0 or more and 2 or more thresholds, not {buffer} and {thresholds}.",
            "Published figures use 250 thresholds and a buffer of about one period.",
        )
    events = _Events.of(labels)
    rank = _first_threshold(scores, thresholds)
    inside = _running_count(rank[labels], thresholds)
    beside = _credit_beside(rank, labels, events, buffer, thresholds)
    touched = _touched_share(rank, events, buffer, thresholds)
    predicted = _running_count(rank, thresholds)
    # As in the reference: halfway between the hard labels and the softened ones that this threshold credits.
    odd = (2 * labels.sum() + beside) / 2
    hits = inside + beside
    recall = np.minimum(hits / odd, 1) * touched
    fall_out = (predicted - hits) / (len(labels) - odd)
    return Volume(_area_pr(recall, hits / predicted), _area_roc(recall, fall_out), base_rate(labels))


def _first_threshold(scores: NDArray[np.float64], thresholds: int) -> NDArray[np.intp]:
    """Return the first of the falling thresholds that each sample reaches, intp[n].

    The thresholds are scores of the series itself, evenly spaced by rank, so ties need no special case.
    """
    # The lowest score is among them, so every sample reaches a threshold and no rank is out of range.
    picked = np.linspace(0, len(scores) - 1, thresholds).astype(int)
    falling = np.sort(-scores)[picked]
    return np.searchsorted(falling, -scores)


def _running_count(rank: NDArray[np.intp], thresholds: int) -> NDArray[np.intp]:
    return np.cumsum(np.bincount(rank, minlength=thresholds))


def _credit_beside(
    rank: NDArray[np.intp], label: NDArray[np.bool_], events: _Events, buffer: int, thresholds: int
) -> NDArray[np.float64]:
    """Return the softened labels that are predicted outside the events, float64[buffer + 1, thresholds]."""
    credit = np.zeros((buffer + 1, thresholds))
    near, nearest, second = _distances(label, events, buffer // 2)
    order = np.argsort(nearest, kind="stable")
    ranks, nearest, second = rank[near[order]], nearest[order], second[order]
    # Widths 0 and 1 reach no sample beside an event: their rows stay 0.
    for width in range(2, buffer + 1):
        reach = width // 2
        rows = slice(0, int(np.searchsorted(nearest, reach, side="right")))
        fall = np.sqrt(1 - np.arange(reach + 1) / width)
        # Each contribution is at least sqrt(1/2), so two of them always pass the ceiling of 1.
        weight = np.where(second[rows] <= reach, 1.0, fall[nearest[rows]])
        credit[width] = np.bincount(ranks[rows], weights=weight, minlength=thresholds)
    return np.cumsum(credit, axis=1)


def _distances(
    label: NDArray[np.bool_], events: _Events, reach: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return the unlabelled rows within reach of an event, and the distances to the nearest and second nearest."""
    rows = np.flatnonzero(~label)
    after = np.searchsorted(events.first, rows)
    far = len(label) + reach
    first = np.concatenate((events.first, [2 * far, 2 * far]))
    last = np.concatenate(([-far, -far], events.last))
    # `last` is shifted by the two sentinels: the event before row r is last[after + 1], the one before it last[after].
    sides = np.stack((rows - last[after + 1], rows - last[after], first[after] - rows, first[after + 1] - rows))
    # Puts the two smallest into the first two rows, in order; the rest of a sort is not needed.
    sides.partition(1, axis=0)
    close = sides[0] <= reach
    return rows[close], sides[0][close], sides[1][close]


def _touched_share(rank: NDArray[np.intp], events: _Events, buffer: int, thresholds: int) -> NDArray[np.float64]:
    """Return the share of events, widened by the buffer and merged where they meet, with any prediction inside."""
    share = np.empty((buffer + 1, thresholds))
    best = _best_rank(rank, events)
    for reach in range(buffer // 2 + 1):
        left, right = np.maximum(events.first - reach, 0), np.minimum(events.last + reach, len(rank) - 1)
        # One sample more on either side than at the reach before, so the best so far is all that is kept.
        best = np.minimum(best, np.minimum(rank[left], rank[right]))
        apart = events.last[:-1] + reach < events.first[1:] - reach
        merged = np.minimum.reduceat(best, np.flatnonzero(np.concatenate(([True], apart))))
        # Widths 2r and 2r + 1 reach equally far; where the second is beyond the buffer the slice is cut off.
        share[2 * reach : 2 * reach + 2] = _running_count(merged, thresholds) / len(merged)
    return share


def _best_rank(rank: NDArray[np.intp], events: _Events) -> NDArray[np.intp]:
    """Return the first threshold that any sample of each event reaches."""
    cuts = np.stack((events.first, events.last + 1), axis=1).ravel()
    # Every second stretch between cuts is an event; one that ends with the series needs no cut after it.
    return np.minimum.reduceat(rank, cuts[cuts < len(rank)])[::2]


def _area_pr(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    return float(np.mean(np.sum(np.diff(recall, axis=1, prepend=0.0) * precision, axis=1)))


def _area_roc(recall: NDArray[np.float64], fall_out: NDArray[np.float64]) -> float:
    height = np.pad(recall, ((0, 0), (1, 0)))
    height = np.pad(height, ((0, 0), (0, 1)), constant_values=1.0)
    width = np.diff(fall_out, axis=1, prepend=0.0, append=1.0)
    return float(np.mean(np.sum(width * (height[:, 1:] + height[:, :-1]) / 2, axis=1)))
