"""Running a suite from start to end, and putting its output together."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from kilowatch.core.outputs_evaluate import EvaluateOutput, EvaluateRow
from kilowatch.detectors.registry import DetectorName
from kilowatch.lab.bench.machine import machine
from kilowatch.lab.measure import mean_interval
from kilowatch.lab.suites.breakdown import by_series, by_target, compared
from kilowatch.lab.suites.contenders import SHIPPED
from kilowatch.lab.suites.goals import goals_of
from kilowatch.lab.suites.nab import AFTER_TRAINING
from kilowatch.lab.suites.off_rows import off_breakdown, off_row
from kilowatch.lab.suites.pool import run_all
from kilowatch.lab.suites.prepare import Options, Prepared, Suite, prepare
from kilowatch.lab.suites.rows import BOOTSTRAP_SEED, bounds, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kilowatch.core.outputs_evaluate import Breakdown, Comparison
    from kilowatch.lab.suites.findings import Findings
    from kilowatch.lab.suites.pool import Progress
    from kilowatch.lab.suites.switch_off import OffFindings

_SHOWN_PUBLISHED = ("AutoEncoder",)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished suite: what is printed, and what pictures are drawn from."""

    output: EvaluateOutput
    findings: Mapping[str, list[Findings]]


def evaluate(suite: Suite, options: Options, progress: Progress) -> Evaluation:
    """Run a suite; `ReadingError` where its data are missing or do not fit."""
    started = time.perf_counter()
    prepared = prepare(suite, options)
    found = run_all(prepared.work, prepared.tasks, options.workers, progress)
    if suite is Suite.SWITCH_OFF:
        rows, breakdown = _off_tables(found)
        return Evaluation(_output(prepared, options, started, _Tables(rows, breakdown=breakdown)), {})
    by_detector = _by_detector(found)
    rows = [row_of(of, prepared.summary) for of in by_detector.values()]
    rows += published_rows(prepared.published)
    families = _family_rows(by_detector, prepared)
    tables = _Tables(
        rows=rows,
        families=families,
        breakdown=_breakdown(by_detector, rows, prepared),
        comparisons=_comparisons(by_detector, rows, prepared),
        base_rate=_base_rate(found),
        invisible=_invisible(found),
    )
    return Evaluation(_output(prepared, options, started, tables), by_detector)


def published_rows(published: Mapping[str, Mapping[str, float]]) -> list[EvaluateRow]:
    """Return the best published method, the named ones, and the oracle that picks the best for each series."""
    if not published:
        return []
    # Only methods with a figure for every series: means over different series do not compare.
    figures = {
        method: [by_method[method] for by_method in published.values()]
        for method in next(iter(published.values()))
        if all(method in by_method for by_method in published.values())
    }
    means = {method: float(np.mean(of)) for method, of in figures.items()}
    best = max(means, key=lambda method: means[method])
    named = [best, *(name for name in _SHOWN_PUBLISHED if name in figures and name != best)]
    oracle = [max(by_method.values()) for by_method in published.values()]
    lines = [(f"{name} (published)", figures[name]) for name in named]
    return [_published(name, of) for name, of in [*lines, (f"oracle of {len(figures)} published", oracle)]]


def _published(name: str, values: list[float]) -> EvaluateRow:
    return EvaluateRow(
        detector=name,
        published=True,
        vus_pr=round(float(np.mean(values)), 4),
        vus_pr_interval=bounds(mean_interval(values, BOOTSTRAP_SEED)),
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    rows: list[EvaluateRow]
    families: list[EvaluateRow] = field(default_factory=list)
    breakdown: list[Breakdown] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    base_rate: float | None = None
    invisible: int = 0


def _output(prepared: Prepared, options: Options, started: float, tables: _Tables) -> EvaluateOutput:
    left_out = f"{tables.invisible} injections that no meter could show were left out."
    return EvaluateOutput(
        suite=prepared.suite,
        quick=options.quick,
        machine=machine(),
        seconds=round(time.perf_counter() - started, 1),
        seeds=prepared.seeds,
        base_rate=tables.base_rate,
        devices=prepared.devices,
        protocol=prepared.protocol,
        notes=[*prepared.notes, *([left_out] if tables.invisible else [])],
        rows=tables.rows,
        family_rows=tables.families,
        breakdown=tables.breakdown,
        comparisons=tables.comparisons,
        goals=goals_of(prepared.suite, tables.rows, tables.families),
    )


def _family_rows(by_detector: Mapping[str, list[Findings]], prepared: Prepared) -> list[EvaluateRow]:
    """Return the rows of the shipped detectors on each data set alone, where a suite has several."""
    if prepared.suite is not Suite.INJECTED:
        return []
    lines = []
    for name in (shipped for shipped in SHIPPED if shipped in by_detector):
        of_family: defaultdict[str, list[Findings]] = defaultdict(list)
        for one in by_detector[name]:
            # `MeterFile.name` begins with the data set.
            of_family[one.device.partition("/")[0]].append(one)
        lines += [replace(row_of(of, prepared.summary), family=family) for family, of in of_family.items()]
    return lines


def _invisible(found: Sequence[Findings]) -> int:
    # All detectors meet the same injections: those of one are counted.
    first = found[0].detector if found else ""
    return sum(one.invisible for one in found if one.detector == first)


def _by_detector(found: Sequence[Findings]) -> dict[str, list[Findings]]:
    grouped: defaultdict[str, list[Findings]] = defaultdict(list)
    for one in found:
        grouped[one.detector].append(one)
    return dict(grouped)


def _breakdown(
    by_detector: Mapping[str, list[Findings]], rows: Sequence[EvaluateRow], prepared: Prepared
) -> list[Breakdown]:
    rates = {row.detector: row.requested_per_device_week for row in rows}
    lines: list[Breakdown] = []
    for name, of in by_detector.items():
        rate = rates[name]
        lines += by_series(of) if rate is None else by_target(of, rate, prepared.summary)
    return lines


def _comparisons(
    by_detector: Mapping[str, list[Findings]], rows: Sequence[EvaluateRow], prepared: Prepared
) -> list[Comparison]:
    if DetectorName.DEFAULT not in by_detector:
        return []
    rates = {row.detector: row.requested_per_device_week or 0.0 for row in rows}
    own = by_detector[DetectorName.DEFAULT]
    return [
        line
        for name, of in by_detector.items()
        if name != DetectorName.DEFAULT
        for line in compared(own, of, (rates[DetectorName.DEFAULT], rates[name]), prepared.summary)
    ]


def _base_rate(found: Sequence[Findings]) -> float | None:
    first = found[0].detector if found else ""
    rates = [r.base_rate for one in found if one.detector == first for r in one.rankings if r.series != AFTER_TRAINING]
    return round(float(np.mean(rates)), 4) if rates else None


def _off_tables(found: Sequence[OffFindings]) -> tuple[list[EvaluateRow], list[Breakdown]]:
    names = dict.fromkeys(one.detector for one in found)
    grouped = [[one for one in found if one.detector == name] for name in names]
    return [off_row(of) for of in grouped], [line for of in grouped for line in off_breakdown(of)]
