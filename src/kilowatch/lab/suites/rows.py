"""From findings on single devices to the row of a detector, each figure with how sure it is."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from kilowatch.core.outputs_evaluate import EvaluateRow, OperatingPoint
from kilowatch.lab.measure import Detection, Interval, OpenTime, Rate, Share, mean_interval
from kilowatch.lab.suites.nab import AFTER_TRAINING
from kilowatch.lab.suites.walk import CURVE, LADDER, REQUESTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from kilowatch.lab.suites.findings import Findings, Ranking

BOOTSTRAP_SEED = 2026
MOST_FALSE_ALARMS = 1.0
"""Alarms on clean data per device-week that a person is taken to bear."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How a suite adds up.

    over_series: event recall is the mean over series, not over events. standing: an incident that stands already
    finds an event too.
    """

    over_series: bool = False
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Pooled:
    """One detector's findings on all devices at one rate of alarms."""

    findings: Sequence[Findings]
    rate: float
    summary: Summary

    @property
    def clean(self) -> Rate:
        """False alarms."""
        return sum((one.at[self.rate].clean for one in self.findings), Rate(0, 0.0))

    @property
    def open(self) -> OpenTime:
        """Time that incidents stood open on clean data."""
        return sum((one.at[self.rate].open for one in self.findings), OpenTime(0, 0))

    @property
    def opening(self) -> Detection:
        """Events for which an incident opened: what delays are measured on."""
        return Detection.pool(one.at[self.rate].found for one in self.findings)

    @property
    def found(self) -> NDArray[np.bool_]:
        """Events found, bool[e], as the suite counts them."""
        return Detection.pool(self._of(one) for one in self.findings).found

    @property
    def days(self) -> NDArray[np.bool_]:
        """Faulty days found, bool[d]."""
        return np.concatenate([np.zeros(0, dtype=np.bool_), *(one.at[self.rate].days for one in self.findings)])

    def by_series(self) -> tuple[list[float], list[str]]:
        """Return the event recall of each series, and the device that it is of."""
        hits: defaultdict[tuple[str, int, str], list[bool]] = defaultdict(list)
        for one in self.findings:
            # By seed too: where chance meets a series several times, each time counts alone.
            for target, is_found in zip(one.targets, self._of(one).found.tolist(), strict=True):
                hits[one.device, one.seed, target.series].append(is_found)
        return [sum(of) / len(of) for of in hits.values()], [device for device, _, _ in hits]

    def recall(self) -> float:
        """Event recall, NaN without events."""
        if not self.summary.over_series:
            return Share.of(self.found).value
        shares, _ = self.by_series()
        return float(np.mean(shares)) if shares else math.nan

    def recall_interval(self) -> Interval:
        """Wilson's over events; over series, by bootstrap of devices."""
        if not self.summary.over_series:
            return Share.of(self.found).wilson()
        shares, devices = self.by_series()
        return mean_interval(shares, BOOTSTRAP_SEED, clusters=devices) if shares else Interval(0.0, 1.0)

    def point(self) -> OperatingPoint:
        """The operating point."""
        return OperatingPoint(
            requested_per_device_week=self.rate,
            false_alarms=self.clean.count,
            device_weeks=round(self.clean.weeks, 3),
            false_alarms_per_device_week=known(self.clean.value),
            incident_open_share=known(self.open.share),
            event_recall=known(self.recall()),
            faulty_days_found=known(Share.of(self.days).value),
            delay_median_s=known(self.opening.delay_median_s),
            delay_p95_s=known(self.opening.delay_p95_s),
        )

    def _of(self, one: Findings) -> Detection:
        at = one.at[self.rate]
        return at.standing if self.summary.standing else at.found


def row_of(findings: Sequence[Findings], summary: Summary) -> EvaluateRow:
    """Return the row of one detector from all that it did."""
    row = _ranked(findings)
    if not any(one.at for one in findings):
        return row
    curve = tuple(Pooled(findings, rate, summary).point() for rate in CURVE)
    pooled = Pooled(findings, operating_rate(curve), summary)
    point, days = pooled.point(), Share.of(pooled.days)
    return replace(
        _calibrated(row, findings, summary),
        event_recall=point.event_recall,
        event_recall_interval=bounds(pooled.recall_interval()),
        events=len(pooled.found),
        faulty_days_found=point.faulty_days_found,
        faulty_days_found_interval=bounds(days.wilson()) if days.total else None,
        faulty_days=days.total,
        requested_per_device_week=pooled.rate,
        false_alarms_per_device_week=point.false_alarms_per_device_week,
        false_alarms_interval=bounds(pooled.clean.interval()),
        incident_open_share=point.incident_open_share,
        delay_median_s=point.delay_median_s,
        delay_p95_s=point.delay_p95_s,
        curve=curve,
    )


def operating_rate(curve: Iterable[OperatingPoint]) -> float:
    """Return the first rate of the ladder at which clean data gave at most one alarm a device-week, else the last.

    It looks at clean data only, never at a label.
    """
    alarms = {point.requested_per_device_week: point.false_alarms_per_device_week or 0.0 for point in curve}
    return next((rate for rate in LADDER if alarms[rate] <= MOST_FALSE_ALARMS), LADDER[-1])


def bounds(interval: Interval) -> tuple[float, float] | None:
    """Return an interval as it is printed; None where nothing was watched that would bound it."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return None
    return printed(interval)


def printed(interval: Interval) -> tuple[float, float]:
    """Return a bounded interval as it is printed."""
    return round(interval.low, 4), round(interval.high, 4)


def known(value: float) -> float | None:
    """Return a figure as it is printed, None for one that could not be measured."""
    return round(value, 4) if math.isfinite(value) else None


def _calibrated(row: EvaluateRow, findings: Sequence[Findings], summary: Summary) -> EvaluateRow:
    asked = Pooled([one for one in findings if one.speaks], REQUESTED, summary).clean
    drifted = [one.drifted for one in findings if one.drifted is not None]
    after = sum(drifted, Rate(0, 0.0))
    return replace(
        row,
        achieved_over_requested=known(asked.value / REQUESTED),
        achieved_over_requested_interval=bounds(asked.interval()),
        achieved_after_drift=known(after.value / REQUESTED) if drifted else None,
        achieved_after_drift_interval=bounds(after.interval()) if drifted else None,
    )


def _ranked(findings: Sequence[Findings]) -> EvaluateRow:
    every = [(one.device, ranking) for one in findings for ranking in one.rankings]
    # The suite `nab` ranks each series twice; its part after training is a column of its own.
    whole = [(device, ranking) for device, ranking in every if ranking.series != AFTER_TRAINING]
    after = [ranking for _, ranking in every if ranking.series == AFTER_TRAINING]
    row = EvaluateRow(detector=findings[0].detector, seeds=tuple(dict.fromkeys(one.seed for one in findings)))
    if not whole:
        return row
    devices, rankings = [device for device, _ in whole], [ranking for _, ranking in whole]
    return replace(
        row,
        vus_pr=_mean(rankings, "vus_pr"),
        vus_pr_interval=bounds(mean_interval([r.vus_pr for r in rankings], BOOTSTRAP_SEED, clusters=devices)),
        vus_pr_after_training=_mean(after, "vus_pr"),
        vus_roc=_mean(rankings, "vus_roc"),
        auc_pr=_mean(rankings, "auc_pr"),
    )


def _mean(rankings: Sequence[Ranking], measure: str) -> float | None:
    return round(float(np.mean([getattr(one, measure) for one in rankings])), 4) if rankings else None
