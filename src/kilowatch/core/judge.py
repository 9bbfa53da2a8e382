"""From samples to verdicts: the detector's raw score, confirmed k of n, over the device's threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.confirm import Confirm
from kilowatch.core.incident import Hot
from kilowatch.core.judged import Judged
from kilowatch.core.quantise import decode_watts
from kilowatch.core.threshold import Thresholds, public_score
from kilowatch.core.window import WindowRing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector, Scores
    from kilowatch.core.samples import Samples, Series


@dataclass(frozen=True, slots=True)
class Scored:
    """Samples with raw scores float32[n], alone and confirmed; NaN where nothing can be said or the value is held."""

    samples: Samples
    scores: Scores
    raw: NDArray[np.float32]
    confirmed: NDArray[np.float32]


class Scorer:
    """The detector, its windows and the confirmation of its scores, for all devices."""

    def __init__(self, detector: Detector, confirm: Confirm | None = None) -> None:
        self.detector = detector
        self.ring = WindowRing()
        self.confirm = confirm or Confirm()

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        for part in (self.detector, self.ring, self.confirm):
            part.reserve(devices)

    def score(self, samples: Samples) -> Scored:
        """Return the samples scored, and move on past them."""
        view = self.ring.view(samples)
        scores = self.detector.score(samples, view)
        self.ring.commit(view)
        raw = np.where(samples.held, np.float32(np.nan), scores.raw)
        return Scored(samples, scores, raw, self.confirm.update(samples, raw))


class Judge:
    """Thresholds for one wanted rate of alarms, and since when each device has been odd by them."""

    def __init__(self, detector: Detector, confirm: Confirm, alarms_per_week: float | None = None) -> None:
        self.thresholds = Thresholds()
        self._alarms_per_week = alarms_per_week
        self.bursts = Confirm(confirm.k, confirm.n)
        self._detector = detector

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self.thresholds.reserve(devices)
        self.bursts.reserve(devices)

    def learn(self, slot: int, series: Series, confirmed: NDArray[np.float32]) -> None:
        """Set a device's threshold from confirmed raw scores of its past that its detector had not learnt from."""
        per_week = self._alarms_per_week or series.record.alarms_per_week
        self.thresholds.fit(slot, confirmed, series.ts_ms, series.usable, per_week)

    def judge(self, scored: Scored, watching: NDArray[np.bool_], leave: float) -> tuple[Judged, list[Hot]]:
        """Return the samples judged, and those of watched devices whose confirmed score reaches `leave`."""
        samples, scores = scored.samples, scored.scores
        level = self.thresholds.follow(samples, scored.confirmed)
        none = np.full(len(samples), np.nan, dtype=np.float32)
        judged = Judged(
            samples=samples,
            score=public_score(scored.raw, level),
            confirmed=public_score(scored.confirmed, level),
            low_w=none if scores.low_w is None else scores.low_w,
            high_w=none if scores.high_w is None else scores.high_w,
            watching=watching,
        )
        since_ms = self.bursts.since(samples, judged.score >= 1.0)
        rows = np.flatnonzero((judged.confirmed >= leave) & watching & ~samples.held)
        return judged, [self._hot(int(row), judged, scores, int(since_ms[row])) for row in rows]

    def _hot(self, row: int, judged: Judged, scores: Scores, since_ms: int) -> Hot:
        samples = judged.samples
        ts_ms = int(samples.ts_ms[row])
        facts = {name: float(values[row]) for name, values in scores.facts.items()}
        rule = self._detector.name if scores.leader is None else scores.rules[int(scores.leader[row])]
        return Hot(
            slot=int(samples.slot[row]),
            ts_ms=ts_ms,
            score=float(judged.confirmed[row]),
            peak=float(judged.score[row]),
            since_ms=ts_ms if since_ms < 0 else since_ms,
            rule=rule,
            observed_w=float(decode_watts(samples.code[row : row + 1])[0]),
            low_w=float(judged.low_w[row]),
            high_w=float(judged.high_w[row]),
            phrase=self._detector.phrase(facts),
            historical=bool(samples.historical[row]),
        )
