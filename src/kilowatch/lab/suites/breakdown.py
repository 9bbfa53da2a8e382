"""Where a detector is strong and where it is blind, and how it compares on the same series."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.outputs_evaluate import Breakdown, Comparison
from kilowatch.lab.measure import Detection, Share, paired_bootstrap
from kilowatch.lab.suites.nab import AFTER_TRAINING
from kilowatch.lab.suites.rows import BOOTSTRAP_SEED, Pooled, Summary, bounds, known, printed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kilowatch.lab.suites.findings import Findings


def by_target(findings: Sequence[Findings], rate: float, summary: Summary) -> list[Breakdown]:
    """Return one line for each group and level of events, in order of first appearance."""
    found: defaultdict[tuple[str, str], list[tuple[bool, float]]] = defaultdict(list)
    ranked = _vus_by_series(findings)
    series: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in findings:
        at = one.at[rate]
        events = zip(one.targets, (at.standing if summary.standing else at.found).found, at.found.delay_s, strict=True)
        for target, is_found, delay_s in events:
            found[target.group, target.level].append((bool(is_found), float(delay_s)))
            series[target.group, target.level].add(target.series)
    name = findings[0].detector
    shows_vus = summary.over_series
    return [
        _line(name, key, events, [v for s in series[key] for v in ranked.get(s, ())] if shows_vus else [])
        for key, events in sorted(found.items())
    ]


def by_series(findings: Sequence[Findings]) -> list[Breakdown]:
    """Return one line for each ranked series."""
    ranked = _vus_by_series(findings)
    return [
        Breakdown(detector=findings[0].detector, group="series", level=name, events=0, vus_pr=known(float(np.mean(of))))
        for name, of in ranked.items()
    ]


def compared(
    first: Sequence[Findings], second: Sequence[Findings], rates: tuple[float, float], summary: Summary
) -> list[Comparison]:
    """Return the paired differences of two detectors: of VUS-PR over series, and of event recall."""
    names = first[0].detector, second[0].detector
    lines = []
    ours, theirs = _vus_by_device_series(first), _vus_by_device_series(second)
    # Paired means on the same series: where one detector lacks some, nothing is compared.
    if ours and ours.keys() == theirs.keys():
        lines.append(_difference("vus_pr", names, ours, theirs))
    if first[0].at:
        ours, theirs = (
            _recall_by_device(Pooled(of, rate, summary)) for of, rate in zip((first, second), rates, strict=True)
        )
        if ours and ours.keys() == theirs.keys():
            lines.append(_difference("event_recall", names, ours, theirs))
    return lines


def _line(detector: str, key: tuple[str, str], events: list[tuple[bool, float]], vus: list[float]) -> Breakdown:
    hit = np.array([is_found for is_found, _ in events], dtype=np.bool_)
    # Delays are of incidents that opened: one that stood already was not late.
    opened = Detection(
        np.isfinite([delay_s for _, delay_s in events]), np.array([delay_s for _, delay_s in events], dtype=np.float64)
    )
    return Breakdown(
        detector=detector,
        group=key[0],
        level=key[1],
        events=len(hit),
        event_recall=known(Share.of(hit).value),
        event_recall_interval=bounds(Share.of(hit).wilson()),
        vus_pr=known(float(np.mean(vus))) if vus else None,
        delay_median_s=known(opened.delay_median_s),
    )


def _difference(
    measure: str,
    names: tuple[str, str],
    ours: Mapping[tuple[str, str], float],
    theirs: Mapping[tuple[str, str], float],
) -> Comparison:
    keys = list(ours)
    found = paired_bootstrap(
        [ours[key] for key in keys], [theirs[key] for key in keys], BOOTSTRAP_SEED, clusters=[key[0] for key in keys]
    )
    return Comparison(
        measure=measure,
        first=names[0],
        second=names[1],
        difference=round(found.mean, 4),
        interval=printed(found.interval),
        wins=found.wins,
        of=found.of,
    )


def _vus_by_series(findings: Sequence[Findings]) -> dict[str, list[float]]:
    ranked: defaultdict[str, list[float]] = defaultdict(list)
    for one in findings:
        for ranking in one.rankings:
            if ranking.series != AFTER_TRAINING:
                ranked[ranking.series].append(ranking.vus_pr)
    return dict(ranked)


def _vus_by_device_series(findings: Sequence[Findings]) -> dict[tuple[str, str], float]:
    device = {ranking.series: one.device for one in findings for ranking in one.rankings}
    return {(device[series], series): float(np.mean(of)) for series, of in _vus_by_series(findings).items()}


def _recall_by_device(pooled: Pooled) -> dict[tuple[str, str], float]:
    values: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    shares, devices = pooled.by_series()
    for share, device in zip(shares, devices, strict=True):
        values[device, device].append(share)
    return {key: float(np.mean(of)) for key, of in values.items()}
