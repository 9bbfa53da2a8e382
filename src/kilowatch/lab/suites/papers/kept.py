"""Findings of the cloud paper's suite as plain structs, so that a run that takes hours goes on where it was ended."""

from __future__ import annotations

import msgspec
import numpy as np

from kilowatch.lab.measure import Detection, OpenTime, Rate
from kilowatch.lab.suites.findings import AtRate, Findings, Ranking, Target


class KeptRanking(msgspec.Struct, frozen=True):
    """A `Ranking`."""

    series: str
    vus_pr: float
    vus_roc: float
    auc_pr: float
    base_rate: float
    precision: list[float]


class KeptRate(msgspec.Struct, frozen=True):
    """An `AtRate`, with the rate that was asked for; a delay is None where the event was missed."""

    asked: float
    alarms: int
    weeks: float
    open_ms: int
    watched_ms: int
    found: list[bool]
    delay_s: list[float | None]


class KeptFindings(msgspec.Struct, frozen=True):
    """`Findings`."""

    detector: str
    device: str
    seed: int
    rankings: list[KeptRanking]
    at: list[KeptRate]
    targets: list[tuple[str, str, str]]
    invisible: int

    @classmethod
    def of(cls, one: Findings) -> KeptFindings:
        """Return findings as they are kept."""
        rankings = [_ranking(ranking) for ranking in one.rankings]
        at = [_rate(asked, found) for asked, found in one.at.items()]
        targets = [(target.group, target.level, target.series) for target in one.targets]
        return cls(one.detector, one.device, one.seed, rankings, at, targets, one.invisible)

    def findings(self) -> Findings:
        """Return the findings that were kept."""
        return Findings(
            detector=self.detector,
            device=self.device,
            seed=self.seed,
            rankings=tuple(_as_ranking(kept) for kept in self.rankings),
            at={kept.asked: _as_rate(kept) for kept in self.at},
            targets=tuple(Target(*target) for target in self.targets),
            invisible=self.invisible,
        )


def _ranking(one: Ranking) -> KeptRanking:
    precision = one.precision.tolist()
    return KeptRanking(one.series, one.vus_pr, one.vus_roc, one.auc_pr, one.base_rate, precision)


def _as_ranking(kept: KeptRanking) -> Ranking:
    precision = np.array(kept.precision)
    return Ranking(kept.series, kept.vus_pr, kept.vus_roc, kept.auc_pr, kept.base_rate, precision)


def _rate(asked: float, one: AtRate) -> KeptRate:
    delay_s = [None if np.isnan(delay) else delay for delay in one.found.delay_s.tolist()]
    found = one.found.found.tolist()
    return KeptRate(asked, one.clean.count, one.clean.weeks, one.open.open_ms, one.open.watched_ms, found, delay_s)


def _as_rate(kept: KeptRate) -> AtRate:
    delay_s = np.array([np.nan if delay is None else delay for delay in kept.delay_s], dtype=np.float64)
    found = Detection(np.array(kept.found, dtype=np.bool_), delay_s)
    # As `cloud_tasks` makes them: openings stand in for both credits, and there are no faulty days.
    none = np.zeros(0, dtype=np.bool_)
    return AtRate(Rate(kept.alarms, kept.weeks), OpenTime(kept.open_ms, kept.watched_ms), found, found, none)
