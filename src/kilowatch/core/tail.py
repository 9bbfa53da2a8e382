"""How high the peaks of a score reach, and how seldom: a generalised Pareto tail over a high quantile.

Peaks over threshold for alarms: Siffer, Fouque, Termier, Largouet, "Anomaly detection in streams with extreme value
theory", KDD 2017, section 3. The fit is by probability-weighted moments, as steady as any with so few exceedances:
Hosking and Wallis, "Parameter and quantile estimation for the generalized Pareto distribution", Technometrics
29(3), 1987, section 3. Here an observation is the largest score of an hour and not one score: neighbouring scores
are almost copies of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAIL_SHARE = 1 / 16
"""Share of blocks over which the tail begins: one and a half a day where a block is an hour."""

FEW_EXCEEDANCES = 10
"""Under so many no tail is fitted."""

SHAPE_BOUND = 0.5
"""Shapes are kept within plus and minus this: beyond it the variance is infinite, or the end point too near."""

_NEAR_END = -1 + 1e-6
_ENOUGH_EXCEEDANCES = 15
_PRIOR_SHAPE = 0.15
_PRIOR_EXCEEDANCES = 20
_PRIOR_SLOPE = 0.15
"""Relative rise of the level when the rate falls e-fold, where no tail can be fitted."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Rate and height of the peaks of `blocks` blocks, in units of the score.

    peaks: float64[m], the positive ones, largest first. start: the level over which the tail is fitted; shape and
    scale: of the generalised Pareto distribution of what exceeds it; exceedances: how many do, 0 where there are
    too few to fit and the peaks themselves are all that is known.
    """

    blocks: int
    peaks: NDArray[np.float64]
    start: float
    shape: float
    scale: float
    exceedances: int

    def return_level(self, rate_per_block: float) -> float:
        """Return the level that peaks to come pass `rate_per_block` times a block (Siffer et al., equation 1).

        A fitted tail is passed more often than it says, for its scale is a guess from a few exceedances: the level is
        raised until the expected rate is the one asked for. This is exact for exponential tails, where the guess is
        gamma distributed. Where the data show it, the level is the empirical quantile. Beyond the data and without a
        tail, it is the largest peak times `(1 / (rate * blocks)) ** 0.15`. 0 where no peak is positive.
        """
        if not len(self.peaks):
            return 0.0
        expected = rate_per_block * self.blocks
        if self.exceedances and expected < self.exceedances:
            ratio = self.exceedances * math.expm1(math.log(self.exceedances / expected) / self.exceedances)
            steps = ratio if abs(self.shape) < 1e-9 else math.expm1(self.shape * ratio) / self.shape
            return self.start + self.scale * steps
        if expected < 1.0:
            return float(self.peaks[0]) * expected**-_PRIOR_SLOPE
        return float(np.interp(expected, np.arange(len(self.peaks)), self.peaks))

    def slope(self, level: float) -> float:
        """Return the relative rise of the level at `level` when the rate falls e-fold: d log level / d log(1/rate)."""
        if not self.exceedances or level < self.start:
            return _PRIOR_SLOPE
        steps = (level - self.start) / self.scale
        # A tail of negative shape has an end: a level at or beyond it counts as just below.
        ratio = steps if abs(self.shape) < 1e-9 else math.log1p(max(self.shape * steps, _NEAR_END)) / self.shape
        return (self.scale + self.shape * (level - self.start)) / level * (1 + ratio / self.exceedances)


def fit_tail(block_maxima: NDArray[np.floating]) -> Tail:
    """Fit the tail of declustered block maxima, float[n], at least 0; NaN is left out, order does not matter."""
    maxima = np.asarray(block_maxima, dtype=np.float64)
    # A raw score may be endless, and one endless excess would make both moments so.
    maxima = np.minimum(maxima[~np.isnan(maxima)], np.finfo(np.float32).max)
    peaks = np.sort(maxima[maxima > 0])[::-1]
    wanted = min(max(round(TAIL_SHARE * len(maxima)), _ENOUGH_EXCEEDANCES), len(peaks) - 1)
    if wanted < FEW_EXCEEDANCES:
        return Tail(len(maxima), peaks, 0.0, 0.0, 0.0, 0)
    start = float(peaks[wanted])
    excess = peaks[:wanted] - start
    # Peaks level with the start say nothing of the tail above it.
    excess = excess[excess > 1e-9 * start]
    if len(excess) < FEW_EXCEEDANCES:
        return Tail(len(maxima), peaks, 0.0, 0.0, 0.0, 0)
    shape, scale = _weighted_moments(_tamed(excess))
    return Tail(len(maxima), peaks, start, shape, scale, len(excess))


def _tamed(excess: NDArray[np.float64]) -> NDArray[np.float64]:
    # Moments follow a single wild value without limit: nothing counts for more than twice the largest of n
    # excesses that the heaviest tail allowed would give.
    heaviest = (len(excess) ** SHAPE_BOUND - 1) / (2**SHAPE_BOUND - 1)
    return np.minimum(excess, 2 * heaviest * float(np.median(excess)))


def _weighted_moments(excess: NDArray[np.float64]) -> tuple[float, float]:
    """Return shape and scale (Hosking and Wallis, equations 8 and 9, with their k as minus the shape)."""
    size = len(excess)
    ascending = np.sort(excess)
    # Plotting positions (j - 0.35) / n, as the paper has them.
    exceeded = 1.0 - (np.arange(1, size + 1) - 0.35) / size
    mean, weighted = float(ascending.mean()), float((ascending * exceeded).mean())
    spread = mean - 2 * weighted
    shape = 2.0 - mean / spread if spread > 0 else SHAPE_BOUND
    # A few tens of exceedances say little about the shape: they are joined by a prior worth twenty.
    shape = (size * min(max(shape, -1.0), 1.0) + _PRIOR_EXCEEDANCES * _PRIOR_SHAPE) / (size + _PRIOR_EXCEEDANCES)
    shape = min(max(shape, -SHAPE_BOUND), SHAPE_BOUND)
    return shape, mean * (1.0 - shape)
