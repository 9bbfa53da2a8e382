"""A few points that stand for many: the bank of what is normal, and how far off normal usually is.

Points are whole numbers short enough that every dot product of two is exact in float32, however a matrix product is
cut and ordered: the same window scores the same alone and among a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = 2**24
_CHUNK = 4096
_FOLDS = 4
_PROBES = 400


def most_per_axis(dimensions: int) -> int:
    """Return the largest whole number per axis at which dot products of that many dimensions stay exact."""
    return int(np.sqrt(EXACT / dimensions))


def spread_out(points: NDArray[np.float32], size: int) -> NDArray[np.intp]:
    """Return the rows of at most `size` points that leave none far away, in order.

    Greedy k-centre (Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985): each next point is
    the one farthest from those taken, so a rare state is kept as surely as a common one.
    """
    if len(points) <= size:
        return np.arange(len(points))
    squares = (points * points).sum(axis=1)
    away, taken = np.full(len(points), np.inf, dtype=np.float32), [0]
    for _ in range(size - 1):
        last = taken[-1]
        np.minimum(away, squares + (squares[last] - 2 * (points @ points[last])), out=away)
        taken.append(int(away.argmax()))
    return np.sort(np.array(taken, dtype=np.intp))


def nearest(points: NDArray[np.float32], bank: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the Euclidean distance of each point float32[n, d] to the nearest of the bank float32[k, d]."""
    out = np.empty(len(points), dtype=np.float32)
    offset = (bank * bank).sum(axis=1)
    for start in range(0, len(points), _CHUNK):
        part = points[start : start + _CHUNK]
        # Only the products add up in an order that the library chooses, and those are exact; the rest goes element by
        # element. A point's own square changes nothing of which is nearest, so it is added once, at the end.
        least = (offset - 2 * (part @ bank.T)).min(axis=1)
        out[start : start + _CHUNK] = np.sqrt(np.maximum(least + (part * part).sum(axis=1), 0))
    return out


def usual_distance(points: NDArray[np.float32], taken: NDArray[np.intp], share: float) -> float:
    """Return the distance that a share of new normal points keeps under, by cross-validation; at least one.

    points: float32[n, d] in order of time. taken: rows of the bank. Each fourth of the time is compared with the
    bank of the other three, so that a point is never its own neighbour.
    """
    if not len(points):
        return 1.0
    fold = np.arange(len(points)) * _FOLDS // len(points)
    probes = np.unique(np.linspace(0, len(points) - 1, _PROBES).astype(np.intp))
    found = [np.zeros(0, dtype=np.float32)]
    for each in range(_FOLDS):
        others = taken[fold[taken] != each]
        own = probes[fold[probes] == each]
        if len(others) and len(own):
            found.append(nearest(points[own], points[others]))
    distances = np.concatenate(found)
    # Points are whole numbers, so two that differ are at least one apart; a scale of 0 would make any of them infinite.
    return max(float(np.quantile(distances, share)), 1.0) if len(distances) else 1.0
