"""Rows of the suite `switch-off`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.outputs_evaluate import Breakdown, EvaluateRow
from kilowatch.lab.measure import Share
from kilowatch.lab.measure.intervals import poisson_mean
from kilowatch.lab.suites.rows import bounds, known
from kilowatch.lab.suites.switch_off import YEAR_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.lab.suites.switch_off import OffFindings


def off_row(findings: Sequence[OffFindings]) -> EvaluateRow:
    """Return the row of one detector."""
    count = sum(len(one.off_ms) for one in findings)
    years = sum(one.watched_ms for one in findings) / YEAR_MS
    hit = np.concatenate([one.hit for one in findings])
    delay_s = np.concatenate([one.delay_s for one in findings])[hit]
    return EvaluateRow(
        detector=findings[0].detector,
        false_offs=count,
        device_years=round(years, 3),
        false_offs_per_device_year=known(count / years) if years else None,
        # Exact and one-sided: also where none was seen, which a normal approximation would call certain.
        false_offs_upper_bound=known(poisson_mean(count, 0.05) / years) if years else None,
        off_recall=known(Share.of(hit).value),
        off_recall_interval=bounds(Share.of(hit).wilson()) if len(hit) else None,
        critical_faults=len(hit),
        delay_median_s=known(float(np.median(delay_s))) if len(delay_s) else None,
        delay_p95_s=known(float(np.quantile(delay_s, 0.95))) if len(delay_s) else None,
    )


def off_breakdown(findings: Sequence[OffFindings]) -> list[Breakdown]:
    """Return one line for each device: its false offs as events that were not wanted, and its critical faults."""
    return [
        Breakdown(
            detector=one.detector,
            group=one.device,
            level=f"{len(one.off_ms)} false offs in {one.watched_ms / 86_400_000:.1f} days",
            events=len(one.hit),
            event_recall=known(Share.of(one.hit).value),
            event_recall_interval=bounds(Share.of(one.hit).wilson()) if len(one.hit) else None,
            delay_median_s=known(float(np.median(one.delay_s[one.hit]))) if one.hit.any() else None,
        )
        for one in findings
    ]
