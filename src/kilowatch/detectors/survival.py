"""How surprising it is that something still lasts: minus the logarithm of a smoothed survival function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURPRISES = np.array([0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 40.0])
"""Nats at which the lengths are stored."""
_SMOOTH = 0.06
"""Width of the logistic kernel, on the logarithm of length: what a device's own runs tell of it to 6 %."""
_MOST_LENGTHS = 64
_GRID = 400


def surprise_knots(lengths: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logarithms of length at which surprise reaches each of `SURPRISES`, rising.

    lengths: int64[m], at least one, in samples. Each is a logistic kernel on the logarithm of length, widened by half
    a sample of rounding, so that the tail beyond the longest run goes on as a power law.
    """
    known = np.sort(lengths).astype(np.float64)
    if len(known) > _MOST_LENGTHS:
        known = known[np.rint(np.linspace(0, len(known) - 1, _MOST_LENGTHS)).astype(np.intp)]
    middle, width = np.log(known), np.hypot(_SMOOTH, 0.3 / known)
    low, high = middle.min() - 4 * width.max(), middle.max() + SURPRISES[-1] * 1.3 * width.max()
    grid = np.linspace(low, high, _GRID)
    survival = (1 / (1 + np.exp(np.minimum((grid[:, None] - middle) / width, 700)))).mean(axis=1)
    surprise = np.maximum.accumulate(-np.log(survival))
    knots = np.interp(SURPRISES, surprise, grid)
    return np.maximum.accumulate(knots + 1e-6 * np.arange(len(knots)))


def surprise(log_length: NDArray[np.float64], knots: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the surprise of lengths float64[n] with each row's knots float[n, 16], straight between and beyond."""
    last = len(SURPRISES) - 2
    at = np.clip((knots <= log_length[:, None]).sum(axis=1) - 1, 0, last)
    rows = np.arange(len(at))
    low, high = knots[rows, at].astype(np.float64), knots[rows, at + 1].astype(np.float64)
    share = (log_length - low) / (high - low)
    return np.maximum(SURPRISES[at] + share * (SURPRISES[at + 1] - SURPRISES[at]), 0.0)
