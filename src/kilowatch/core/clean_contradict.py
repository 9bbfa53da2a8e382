"""Powers that the energy register contradicts: zeros that were misread, and watts for kilowatts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.clean_register import MS_PER_HOUR
from kilowatch.core.clean_values import SLIP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.clean_pairs import Pairs
    from kilowatch.core.clean_past import Past
    from kilowatch.core.clean_register import Steps

MISREAD_LOW, MISREAD_HIGH = 0.8, 1.2
"""COMBED's building total keeps within 0.86 to 1.15 of a steady load (1st to 99th centile)."""
SLIP_LOW, SLIP_HIGH = 700.0, 1400.0
ONSET_LOW, ONSET_HIGH = 300.0, 3000.0
SLIP_AFTER = 5
"""So many steps of the register must agree before a unit is called slipped: no appliance switches so evenly."""
AGREE_TIMES = 5.0
PROOF_WH = 20.0
"""A register may count in steps of 10 Wh, so that one that stands still is no proof of less than this."""


def find_misread_zeros(power_w: NDArray[np.float64], pairs: Pairs, steps: Steps) -> NDArray[np.intp]:
    """Return the rows that read zero after the register had kept the pace of the power before to the end.

    Only the first zero can be one. A load that went off in the last fifth of the interval looks alike: holding
    its value once more is right for the interval, and the next zero is believed.
    """
    rows = np.flatnonzero((power_w == 0) & (pairs.before_w > 0) & pairs.near)
    if len(rows) == 0:
        return rows
    pace = steps.mean_w[rows] / pairs.before_w[rows]
    return rows[(pace >= MISREAD_LOW) & (pace <= MISREAD_HIGH) & steps.clear(rows)]


def find_slips(power_w: NDArray[np.float64], pairs: Pairs, steps: Steps, past: Past) -> NDArray[np.int8]:
    """Return int8[n]: 1 where watts are a thousand times too low, -1 too high, 0 elsewhere; counts go on in `past`.

    A slip begins where the power leaves the one before by about a thousand while the register's mean power stays;
    it is believed from the fifth such step on, and ends where register and power agree again.
    """
    slips = np.zeros(len(power_w), dtype=np.int8)
    votes = _votes(power_w, steps)
    follow = past.slip_run[pairs.segments.slot] != 0
    follow[pairs.segments.of_row[votes != 0]] = True
    if not follow.any():
        return slips
    columns = (votes, *_turns(power_w, pairs, steps))
    # Row by row, for each verdict rests on the one before; only for the few devices of which a step may be a slip.
    for segment in np.flatnonzero(follow):
        first, slot = pairs.segments.starts[segment], pairs.segments.slot[segment]
        rows = slice(first, first + pairs.segments.lengths[segment])
        runs = _runs(int(past.slip_run[slot]), [column[rows].tolist() for column in columns])
        past.slip_run[slot] = runs[-1]
        slips[rows] = np.where(votes[rows] * runs >= SLIP_AFTER, votes[rows], 0)
    return slips


def _votes(power_w: NDArray[np.float64], steps: Steps) -> NDArray[np.int8]:
    # Products and not quotients, for either may be 0; where both are, the two votes cancel.
    low = (steps.mean_w >= SLIP_LOW * power_w) & (steps.mean_w <= SLIP_HIGH * power_w)
    high = (power_w >= SLIP_LOW * steps.mean_w) & (power_w <= SLIP_HIGH * steps.mean_w)
    votes = low.astype(np.int8) - high.astype(np.int8)
    rows = np.flatnonzero(votes)
    votes[rows] *= steps.clear(rows)
    return votes


def _turns(
    power_w: NDArray[np.float64], pairs: Pairs, steps: Steps
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    before_w, mean_w = pairs.before_w, steps.mean_w
    # Wider than a slip itself, for the load may change in the very step in which the unit slips.
    fell = (before_w >= ONSET_LOW * power_w) & (before_w <= ONSET_HIGH * power_w)
    rose = (power_w >= ONSET_LOW * before_w) & (power_w <= ONSET_HIGH * before_w)
    at_stake_wh = SLIP * power_w * steps.since_ms / MS_PER_HOUR
    not_low = (mean_w <= AGREE_TIMES * power_w) & (power_w > 0) & ((mean_w > 0) | (at_stake_wh >= PROOF_WH))
    not_high = (AGREE_TIMES * mean_w >= power_w) & (power_w > 0)
    return fell | rose, not_low, not_high


def _runs(run: int, columns: list[list[int]]) -> NDArray[np.int8]:
    runs = []
    for vote, onset, not_low, not_high in zip(*columns, strict=True):
        if not_low if run > 0 else not_high:
            run = 0
        if vote and (run * vote > 0 or onset):
            # No longer than it takes to be believed: runs are kept in a byte.
            run = max(-SLIP_AFTER, min(SLIP_AFTER, run + vote if run * vote > 0 else vote))
        runs.append(run)
    return np.array(runs, dtype=np.int8)
