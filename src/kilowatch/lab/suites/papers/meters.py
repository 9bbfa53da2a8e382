"""Windows of two meters as Utomo & Hsiung cut them: the first 80,000 readings of each, 200 a window."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Fleet
from kilowatch.errors import ReadingError
from kilowatch.lab.datasets import Family, meters, source_of
from kilowatch.nets.card import Scaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.lab.datasets import MeterFile

WINDOW = 200
READINGS = 80_000
TEST_SHARE = 0.25
_IDLE_BELOW_W = 2.0
# A meter that reads 0 throughout has no span to divide by.
_LEAST_SPAN_W = 1e-3
# Not the seed of training: the first five pairs are the same five whatever else is chosen.
_ORDER_SEED = 2026


class Split(StrEnum):
    """How windows become training, validation and test, and which of them min-max scaling sees."""

    PAPER = "paper"
    TRAIN_SCALING = "train-only scaling"
    BY_TIME = "split by time"


@dataclass(frozen=True, slots=True)
class Labelled:
    """Windows float32[n, WINDOW] of watts, and label float32[n]: 1 for abnormal."""

    power_w: NDArray[np.float32]
    label: NDArray[np.float32]

    def take(self, rows: NDArray[np.intp]) -> Labelled:
        """Return the windows at rows."""
        return Labelled(self.power_w[rows], self.label[rows])

    @classmethod
    def join(cls, parts: list[Labelled]) -> Labelled:
        """Return all windows."""
        return cls(np.concatenate([part.power_w for part in parts]), np.concatenate([part.label for part in parts]))


@dataclass(frozen=True, slots=True)
class Trial:
    """What one classifier is trained, validated and tested on, and the scaling that it sees."""

    train: Labelled
    validation: Labelled
    test: Labelled
    scaler: Scaler


@dataclass(frozen=True, slots=True)
class Pair:
    """Two meters: the first is called normal, the second abnormal."""

    normal: MeterFile
    abnormal: MeterFile

    @property
    def name(self) -> str:
        """Both, without their data set."""
        return f"{self.normal.record.device} | {self.abnormal.record.device}"


def pairs(most: int | None = None) -> list[Pair]:
    """Return pairs of meters, all or so many of them in an order that does not change."""
    every = [Pair(*both) for both in combinations(meters(Family.COMBED), 2)]
    if not every:
        raise ReadingError("A pair takes two meters.", "Bring the whole data set.")
    order = np.random.default_rng(_ORDER_SEED).permutation(len(every))
    return [every[place] for place in order[:most]]


def readings(meter: MeterFile, most: int = READINGS) -> NDArray[np.float32]:
    """Return the first readings of a file in W, float32[n], as they lie there; missing ones are left out."""
    fleet = Fleet([meter.record])
    batches = [batch.take(batch.slot == 0) for batch in source_of(meter).batches(fleet)]
    power_w = np.concatenate([batch.power_w for batch in batches]).astype(np.float32)
    return power_w[np.isfinite(power_w)][:most]


def is_idle(power_w: NDArray[np.float32]) -> bool:
    """Whether a meter reads nothing for most of the time."""
    return bool((power_w < _IDLE_BELOW_W).mean() > 0.5)


def windows(power_w: NDArray[np.float32], *, abnormal: bool) -> Labelled:
    """Return the windows of a series one after another; what does not fill the last is left out."""
    rows = len(power_w) // WINDOW
    cut = power_w[: rows * WINDOW].reshape(rows, WINDOW)
    return Labelled(cut, np.full(rows, float(abnormal), dtype=np.float32))


def trial(normal_w: NDArray[np.float32], abnormal_w: NDArray[np.float32], split: Split, seed: int) -> Trial:
    """Return one pair's windows, split: 3/8 of each class train, 3/8 validate, 2/8 test, 300, 300 and 200 in all."""
    rng = np.random.default_rng(seed)
    parts: list[list[Labelled]] = [[], [], []]
    for power_w, abnormal in ((normal_w, False), (abnormal_w, True)):
        own = windows(power_w, abnormal=abnormal)
        for into, rows in zip(parts, _rows(len(own.label), split, rng), strict=True):
            into.append(own.take(rows))
    train, validation, test = (Labelled.join(part) for part in parts)
    seen = [train] if split is not Split.PAPER else [train, validation, test]
    return Trial(train, validation, test, scaling(seen))


def scaling(parts: list[Labelled]) -> Scaler:
    """Return min-max scaling over windows."""
    low = min(float(part.power_w.min()) for part in parts)
    high = max(float(part.power_w.max()) for part in parts)
    return Scaler(low, max(high - low, _LEAST_SPAN_W))


def _rows(size: int, split: Split, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    order = np.arange(size)
    test = round(TEST_SHARE * size)
    train = (size - test) // 2
    if split is not Split.BY_TIME:
        order = rng.permutation(size)
    return [order[:train], order[train : size - test], order[size - test :]]
