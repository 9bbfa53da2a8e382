"""From samples to verdicts: the detector's raw score over the device's threshold, confirmed k of n."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.confirm import Confirm
from kilowatch.core.incident import Hot
from kilowatch.core.judged import Judged
from kilowatch.core.threshold import Thresholds
from kilowatch.core.window import WindowRing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector, Scores
    from kilowatch.core.samples import Samples


class Judge:
    """The detector, its windows and thresholds for all devices."""

    def __init__(self, detector: Detector, confirm: Confirm | None = None) -> None:
        self.detector = detector
        self.ring = WindowRing()
        self.confirm = confirm or Confirm()
        self.thresholds = Thresholds()

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        for part in (self.detector, self.ring, self.confirm, self.thresholds):
            part.reserve(devices)

    def judge(self, samples: Samples, watching: NDArray[np.bool_], leave: float) -> tuple[Judged, list[Hot]]:
        """Return the samples judged, and those of watched devices whose confirmed score reaches `leave`."""
        view = self.ring.view(samples)
        scores = self.detector.score(samples, view)
        self.ring.commit(view)
        raw = np.where(samples.held, np.float32(np.nan), scores.raw)
        confirmed = self.confirm.update(samples, raw)
        level = self.thresholds.follow(samples, confirmed)
        none = np.full(len(samples), np.nan, dtype=np.float32)
        judged = Judged(
            samples=samples,
            score=_public(raw, level),
            confirmed=_public(confirmed, level),
            low_w=none if scores.low_w is None else scores.low_w,
            high_w=none if scores.high_w is None else scores.high_w,
            watching=watching,
        )
        since_ms = self.confirm.since(samples, judged.score >= 1.0)
        return judged, self._hot(judged, scores, since_ms, leave)

    def _hot(self, judged: Judged, scores: Scores, since_ms: NDArray[np.int64], leave: float) -> list[Hot]:
        rows = np.flatnonzero((judged.confirmed >= leave) & judged.watching)
        power_w = judged.samples.power_w
        return [self._hot_row(int(row), judged, scores, since_ms, power_w) for row in rows]

    def _hot_row(
        self, row: int, judged: Judged, scores: Scores, since_ms: NDArray[np.int64], power_w: NDArray[np.float32]
    ) -> Hot:
        samples = judged.samples
        facts = {name: float(values[row]) for name, values in scores.facts.items()}
        rule = self.detector.name if scores.leader is None else scores.rules[int(scores.leader[row])]
        return Hot(
            slot=int(samples.slot[row]),
            ts_ms=int(samples.ts_ms[row]),
            score=float(judged.confirmed[row]),
            peak=float(judged.score[row]),
            since_ms=int(since_ms[row]),
            rule=rule,
            observed_w=float(power_w[row]),
            low_w=float(judged.low_w[row]),
            high_w=float(judged.high_w[row]),
            phrase=self.detector.phrase(facts),
            historical=bool(samples.historical[row]),
        )


def _public(raw: NDArray[np.float32], level: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return raw over its threshold, rounded so that every machine compares alike; NaN where either is unknown."""
    return np.round(raw / level, 4)
