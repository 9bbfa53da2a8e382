"""What one detector did on one device: rankings of scores, and the operating point at each rate of alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.lab.measure import auc_pr, vus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.lab.measure import Detection, OpenTime, Rate
    from kilowatch.lab.suites.exhibits import Exhibit

RECALLS = np.linspace(0.0, 1.0, 51)
"""Where precision is read off, to average precision-recall curves over series."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a score ranks the samples of one labelled series. precision: float64[51] at `RECALLS`."""

    series: str
    vus_pr: float
    vus_roc: float
    auc_pr: float
    base_rate: float
    precision: NDArray[np.float64]

    @classmethod
    def of(cls, series: str, score: NDArray[np.floating], label: NDArray[np.bool_], buffer: int) -> Ranking:
        """Measure a score, float[n] without NaN, against its labels, bool[n]."""
        volume = vus(score, label, buffer)
        return cls(series, volume.pr, volume.roc, auc_pr(score, label), volume.base_rate, _precision(score, label))


@dataclass(frozen=True, slots=True)
class Target:
    """What an event is one of: its group (a type of injection, an appliance), level (dose, fault) and series."""

    group: str
    level: str
    series: str


@dataclass(frozen=True, slots=True)
class AtRate:
    """The operating point at one rate of alarms that was asked for.

    clean, open: false alarms and open time on clean data alone. found: events for which an incident opened.
    standing: events during which one opened or stood. days: bool[d], faulty days found.
    """

    clean: Rate
    open: OpenTime
    found: Detection
    standing: Detection
    days: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is kept of one detector on one device.

    targets: one for each event. invisible: injections that no meter could show, left out. drifted: alarms after a
    drift. speaks: whether the detector could learn the device; one that cannot was asked for no alarms.
    """

    detector: str
    device: str
    seed: int
    rankings: tuple[Ranking, ...]
    at: Mapping[float, AtRate]
    targets: tuple[Target, ...] = ()
    invisible: int = 0
    drifted: Rate | None = None
    speaks: bool = True
    exhibits: tuple[Exhibit, ...] = field(default=())


def _precision(score: NDArray[np.floating], label: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the best precision at or beyond each of `RECALLS`."""
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(score[order][1:] != score[order][:-1], True)
    hits = np.cumsum(label[order])[last_of_tie]
    precision = hits / (np.flatnonzero(last_of_tie) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    # A recall must not miss its mark by the last bit of a float.
    place = np.searchsorted(hits / label.sum(), RECALLS - 1e-12)
    return best[np.minimum(place, len(best) - 1)]
