"""How often devices speak, inferred from pieces of their history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Reporting
from kilowatch.core.segments import Segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.reading import ReadingBatch

_LEAST_STEPS = 8
_LEAST_CHANGES = 20
_SLACK = 0.25
_SLACK_MS = 1500
_IRREGULAR = 0.5
_CHANGES = 0.95
_CLUSTERED = 0.8


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often one device speaks; None where the sample is too short to tell."""

    interval_s: float | None = None
    reporting: Reporting = Reporting.PERIODIC
    heartbeat_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Steps:
    """Steps between neighbouring readings: slot[n], ms[n], and whether the power changed, bool[n]."""

    slot: NDArray[np.int32]
    ms: NDArray[np.int64]
    changed: NDArray[np.bool_]


def infer_cadences(pieces: Sequence[ReadingBatch], devices: int) -> list[Cadence]:
    """Return the cadence of slots 0..devices-1; what one device shows too little of is taken from all together."""
    steps = _steps(pieces)
    order = np.argsort(steps.slot, kind="stable")
    bounds = np.searchsorted(steps.slot[order], np.arange(devices + 1))
    everyone = _cadence(steps.ms, steps.changed)
    out = []
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        own = order[first:last]
        # A sample of a large file may hold a few rows of each device; loggers of one file mostly speak alike.
        out.append(_cadence(steps.ms[own], steps.changed[own]) if len(own) >= _LEAST_STEPS else everyone)
    return out


def _steps(pieces: Sequence[ReadingBatch]) -> _Steps:
    slots, steps, changes = [], [], []
    for piece in pieces:
        order, segments = Segments.sort(piece.slot)
        inner = np.ones(len(order), dtype=np.bool_)
        # The first step of a device would be measured from the last reading of another.
        inner[segments.starts] = False
        step = np.diff(piece.ts_ms[order], prepend=0)
        power = piece.power_w[order]
        forward = inner & (step > 0)
        slots.append(piece.slot[order][forward])
        steps.append(step[forward])
        changes.append((power != np.roll(power, 1))[forward])
    if not slots:
        return _Steps(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_))
    return _Steps(np.concatenate(slots), np.concatenate(steps), np.concatenate(changes))


def _cadence(step_ms: NDArray[np.int64], changed: NDArray[np.bool_]) -> Cadence:
    """Return one device's cadence.

    On change means that readings come irregularly and bring news; those without news keep a beat of their own.
    """
    if len(step_ms) == 0:
        return Cadence()
    middle = _median(step_ms)
    heartbeat_ms = _heartbeat(step_ms, changed)
    if heartbeat_ms is not None:
        return Cadence(middle / 1000, Reporting.ON_CHANGE, heartbeat_ms / 1000)
    # At least so many ms: stamps in whole seconds move a steady step by up to a second either way.
    near = np.abs(step_ms - middle) <= max(_SLACK * middle, _SLACK_MS)
    if changed.sum() >= _LEAST_CHANGES and near.mean() < _IRREGULAR and changed.mean() > _CHANGES:
        return Cadence(middle / 1000, Reporting.ON_CHANGE)
    return Cadence(middle / 1000)


def _heartbeat(step_ms: NDArray[np.int64], changed: NDArray[np.bool_]) -> int | None:
    """Return the beat of readings without news, where it is far from that of readings with news."""
    idle, news = step_ms[~changed], step_ms[changed]
    if len(news) < _LEAST_CHANGES or len(idle) < 3:
        return None
    beat = _median(idle)
    steady = np.abs(idle - beat) <= max(beat // 10, _SLACK_MS)
    near = np.abs(news - _median(news)) <= max(_SLACK * _median(news), _SLACK_MS)
    if steady.mean() < _CLUSTERED or near.mean() > _IRREGULAR or beat < 2 * _median(news):
        return None
    # Not the middle: half of all beats come later than that, and would look like a device gone silent.
    return int(np.percentile(idle[steady], 95))


def _median(values: NDArray[np.int64]) -> int:
    return int(np.partition(values, len(values) // 2)[len(values) // 2])
