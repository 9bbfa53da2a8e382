"""How a threshold follows the scores: two levels that move a little with every finished block.

The *reference* is the level that one block in sixteen passes: a few days show where it is. It is tracked as a
quantile is (Robbins and Monro, Annals of Mathematical Statistics 22, 1951) and takes the threshold along, so that
scores that grow by half lift the threshold by half within days, without counting alarms. The *threshold* itself
goes up with each alarm and down a little with each block, as in adaptive conformal inference (Gibbs and Candes,
"Adaptive conformal inference under distribution shift", NeurIPS 2021, equation 2): in the long run the alarms are
as many as were asked for, whatever the tail. Both see only whether a block passed a level, so a huge score weighs
no more than any alarm. An alarm that goes on is one alarm, and its later blocks teach nothing.

Levels are logarithms of scores in whole 2**-24: their sums are exact, so batches may be cut anywhere.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from kilowatch.core.segments import Segments

REFERENCE_SHARE = 1 / 16
"""Share of blocks that pass the reference: one and a half a day where a block is an hour."""

REFERENCE_GAIN = 0.12
"""Step of the reference in units of the spread of log block maxima: it follows a new level within three days."""

ALARM_GAIN = 0.5
"""One alarm lowers the rate to come by a factor of exp(-0.5), where the tail is as fitted."""

RISE_PER_DAY = math.log(2.0)
"""A threshold at most doubles in a day."""

REACH = math.log(4.0)
"""A threshold stays within a factor of four of the fitted one: further off, the device has to be learnt anew."""

CLEARANCE = math.log(1.15)
"""A threshold stays this far above the reference, whatever was asked for: a device whose score never changes is not
odd at the score that it always has.
"""

_UNIT = 2.0**24
_RISE, _REACH, _CLEARANCE = round(RISE_PER_DAY * _UNIT), round(REACH * _UNIT), round(CLEARANCE * _UNIT)
# Within float32, and as levels within the int32 in which `Thresholds` keeps them: 85.2 * 2**24 is 1.43e9.
_SMALLEST, _LARGEST = 1e-37, 1e37
_REFERENCE_Z = 1.534
"""The standard normal's quantile that one block in sixteen passes."""

# A slope from few peaks may be next to nothing or absurd: one alarm moves a threshold by 1.5 % to 35 %.
_SLOPES = (0.03, 0.6)
_USUAL_SPREAD, _USUAL_GAP = 0.5, math.log(2.0)
"""Of log block maxima, and from the reference to the threshold: taken where too little is known."""

_LONG = 64
"""Above this many blocks of one device a loop over them in Python beats NumPy calls on few devices."""


class Track(NamedTuple):
    """Where a device's levels are; each an int, or integers over devices.

    level: the threshold. reference. day: the threshold as the day began. alarmed: 1 where the block before, which
    adjoins the coming one, gave an alarm.
    """

    level: Any
    reference: Any
    day: Any
    alarmed: Any


class Gains(NamedTuple):
    """What was fitted; each an int, or integers over devices.

    fitted: the level. reference_up: the step of the reference where a block passes it. alarm_up: the step of the
    threshold with an alarm.
    """

    fitted: Any
    reference_up: Any
    alarm_up: Any


class Finished(NamedTuple):
    """A finished block; each an int, or int64 over blocks.

    peak: as a level. usable: 1 where it may be learnt from. adjoins: 1 where the device's next block follows at
    once. ends_day: 1 where the next block belongs to another day.
    """

    peak: Any
    usable: Any
    adjoins: Any
    ends_day: Any


def as_level(score: NDArray[np.floating] | float) -> NDArray[np.int64]:
    """Return scores as levels; 0 becomes the smallest."""
    clipped = np.clip(np.asarray(score, dtype=np.float64), _SMALLEST, _LARGEST)
    return np.rint(np.log(clipped) * _UNIT).astype(np.int64)


def as_score(level: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return levels as scores."""
    return np.exp(level / _UNIT)


def reference_share(alarm_share: Any) -> Any:
    """Return the share of blocks that pass the reference: three times that of alarms where these are many."""
    return np.clip(3 * alarm_share, REFERENCE_SHARE, 0.5)


def start(level: float, slope: float, alarm_share: float, peaks: NDArray[np.float64]) -> tuple[Track, Gains]:
    """Return track and gains of a device whose threshold was set to the score `level`.

    slope: see `Tail.slope`. alarm_share: of blocks, to open an alarm. peaks: float64[m], its block maxima.
    """
    high, usual, reference = _quantiles(peaks, (1 - REFERENCE_SHARE, 0.5, 1 - float(reference_share(alarm_share))))
    known = min(usual, reference) > 0
    spread = min(max(math.log(high / usual) / _REFERENCE_Z, 0.1), 1.0) if known else _USUAL_SPREAD
    fitted, reference_up = int(as_level(level)), round(REFERENCE_GAIN * spread * _UNIT)
    alarm_up = round(ALARM_GAIN * min(max(slope, _SLOPES[0]), _SLOPES[1]) * _UNIT)
    at = int(as_level(reference)) if reference > 0 else fitted - round(_USUAL_GAP * _UNIT)
    fitted = max(fitted, at + _CLEARANCE)
    return Track(fitted, at, fitted, 0), Gains(fitted, reference_up, alarm_up)


def _quantiles(peaks: NDArray[np.float64], shares: tuple[float, ...]) -> list[float]:
    if not len(peaks):
        return [0.0] * len(shares)
    return [float(value) for value in np.quantile(peaks, shares, method="higher")]


class Pace(NamedTuple):
    """Gains, and what makes them even: the steps down with every block; each an int, or int64 over devices."""

    fitted: Any
    reference_up: Any
    alarm_up: Any
    reference_down: Any
    alarm_down: Any

    @classmethod
    def of(cls, gains: Gains, alarm_share: NDArray[np.float64]) -> Pace:
        """Return the pace at which a share alarm_share of blocks opens an alarm when levels stand still."""
        reference_down = np.rint(gains.reference_up * reference_share(alarm_share)).astype(np.int64)
        return cls(*gains, reference_down, np.rint(gains.alarm_up * alarm_share).astype(np.int64))


def step(track: Track, pace: Pace, block: Finished) -> Track:
    """Return where levels are after one more block: arithmetic that means the same for ints and for arrays."""
    alarm = (block.peak >= track.level) * 1
    taught = block.usable * (1 - alarm * track.alarmed)
    moved = taught * ((block.peak > track.reference) * pace.reference_up - pace.reference_down)
    free = track.level + moved + taught * (alarm * pace.alarm_up - pace.alarm_down)
    # Whatever holds the threshold back holds the reference too: what alarms have taught is the distance of the two.
    slowed = _above(free - track.day - _RISE)
    level, reference = free - slowed, track.reference + moved - slowed
    # A device without a threshold has no gains, and what marks it as such must not be lifted.
    level += (pace.reference_up > 0) * _above(reference + _CLEARANCE - level)
    back = _above(pace.fitted - _REACH - level) - _above(level - pace.fitted - _REACH)
    level, reference = level + back, reference + back
    day = track.day + block.ends_day * (level - track.day)
    return Track(level, reference, day, alarm * block.adjoins)


def _above(excess: Any) -> Any:
    # max(0, excess) for ints and arrays alike; the sum is even, so that halving it is exact.
    return (excess + abs(excess)) // 2


def follow(segments: Segments, track: Track, pace: Pace, blocks: Finished) -> tuple[NDArray[np.int64], Track]:
    """Return the threshold after each finished block, int64[m], and where the levels of the devices end up.

    segments: of the m blocks by device. track, pace: int64[segments]. blocks: int64[m].
    """
    levels = np.empty(segments.size, dtype=np.int64)
    columns = np.stack(track)
    long = segments.lengths > _LONG
    for segment in np.flatnonzero(long):
        rows = slice(segments.starts[segment], segments.starts[segment] + segments.lengths[segment])
        own = Pace(*(int(column[segment]) for column in pace))
        tracks = _follow_one(Track(*columns[:, segment].tolist()), own, Finished(*(column[rows] for column in blocks)))
        levels[rows], columns[:, segment] = [after.level for after in tracks], tracks[-1]
    _follow_rounds(segments, columns, pace, blocks, levels, np.flatnonzero(~long))
    return levels, Track(*columns)


def _follow_one(track: Track, pace: Pace, blocks: Finished) -> list[Track]:
    """Return where one device's levels are after each of its blocks; track and pace are ints, blocks int64[m]."""
    listed: Iterable[Finished] = map(Finished._make, zip(*(column.tolist() for column in blocks), strict=True))
    return list(accumulate(listed, lambda before, block: step(before, pace, block), initial=track))[1:]


def _follow_rounds(
    segments: Segments,
    columns: NDArray[np.int64],
    pace: Pace,
    blocks: Finished,
    levels: NDArray[np.int64],
    alive: NDArray[np.intp],
) -> None:
    rank = 0
    while len(alive):
        rows = segments.starts[alive] + rank
        own = Pace(*(column[alive] for column in pace))
        after = step(Track(*columns[:, alive]), own, Finished(*(column[rows] for column in blocks)))
        levels[rows], columns[:, alive] = after.level, after
        rank += 1
        alive = alive[segments.lengths[alive] > rank]
