"""How surprising it is that something still lasts, and how much that speaks for a fault which prolongs it.

Surprise is minus the logarithm of a smoothed survival function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURPRISES = np.array([0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 40.0])
"""Nats at which the lengths are stored."""
_SMOOTH = 0.06
"""Width of the logistic kernel, on the logarithm of length: what a device's own runs tell of it to 6 %."""
_TAILS = (0.1, 0.9)
_TAILS_TO_SD = 2.563
_LOG_FACTORS = np.log([1.1, 1.2, 1.4, 1.8])
"""By how much a fault prolongs a run, for all that is known beforehand; equally likely, it never ends."""
_LEAST = 1e-3
"""Nats of surprise under which nothing speaks for a fault: most samples of a run are early ones."""
_MOST_LENGTHS = 64
_GRID = 400


def surprise_knots(lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logarithms of length at which surprise reaches each of `SURPRISES`, rising.

    lengths: int64[m], at least one, in samples. Each is a logistic kernel on the logarithm of length, widened by half
    a sample of rounding, so that the tail beyond the longest run goes on as a power law.
    """
    known = np.sort(lengths).astype(np.float64)
    if len(known) > _MOST_LENGTHS:
        # Picked by rank, so that the shape of the distribution stays; the table below is 400 times their number.
        known = known[np.rint(np.linspace(0, len(known) - 1, _MOST_LENGTHS)).astype(np.intp)]
    middle, width = np.log(known), np.hypot(_SMOOTH, 0.3 / known)
    low, high = middle.min() - 4 * width.max(), middle.max() + SURPRISES[-1] * 1.3 * width.max()
    grid = np.linspace(low, high, _GRID)
    # Beyond 709 exp overflows float64; at 700 a kernel has long ceased to count.
    survival = (1 / (1 + np.exp(np.minimum((grid[:, None] - middle) / width, 700)))).mean(axis=1)
    surprise = np.maximum.accumulate(-np.log(survival))
    knots = np.interp(SURPRISES, surprise, grid)
    # Strictly rising, also as float32 below 16 (9 million samples): `surprise` divides by the distance of two knots.
    return np.maximum.accumulate(knots + 1e-6 * np.arange(len(knots)))


def spread(lengths: NDArray[np.floating] | NDArray[np.integer]) -> float:
    """Return the spread of the logarithm of lengths, in standard deviations, from the middle 80 % of them."""
    low, high = np.quantile(np.log(lengths), _TAILS)
    return float(high - low) / _TAILS_TO_SD


def evidence(log_length: NDArray[np.float64], knots: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the nats by which a run that still lasts speaks for a fault, float64[n], at least 0; knots float[n, 16].

    The logarithm of how much likelier it is to last under a fault that prolongs runs by an unknown factor: the mean of
    S(length / factor) over S(length). Past its usual length a run is odd, but halfway through a long programme that
    comes now and then it is not, while one that never ends goes on to become odder.
    """
    said, found = surprise(log_length, knots), np.zeros(len(log_length))
    rows = np.flatnonzero(said > _LEAST)
    length, own = log_length[rows], knots[rows]
    lasts = sum(np.exp(-surprise(length - log_factor, own)) for log_factor in _LOG_FACTORS)
    found[rows] = np.maximum(said[rows] + np.log((1 + lasts) / (1 + len(_LOG_FACTORS))), 0.0)
    return found


def surprise(log_length: NDArray[np.float64], knots: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the surprise of lengths float64[n] with each row's knots float[n, 16], straight between and beyond."""
    last = len(SURPRISES) - 2
    at = np.minimum(np.maximum((knots <= log_length[:, None]).sum(axis=1) - 1, 0), last)
    rows = np.arange(len(at))
    low, high = knots[rows, at].astype(np.float64), knots[rows, at + 1].astype(np.float64)
    share = (log_length - low) / (high - low)
    return np.maximum(SURPRISES[at] + share * (SURPRISES[at + 1] - SURPRISES[at]), 0.0)
