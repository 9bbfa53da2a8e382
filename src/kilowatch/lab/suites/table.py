"""The columns of a suite's table, as people read them: each figure with its interval, empty columns left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.core.outputs_evaluate import EvaluateOutput, EvaluateRow

NONE = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, and what it says of a row, `NONE` where nothing is known."""

    title: str
    cell: Callable[[EvaluateRow], str]


def share(value: float | None, interval: tuple[float, float] | None = None) -> str:
    """Return a figure with its interval in words."""
    if value is None:
        return NONE
    return f"{value:.3f}" if interval is None else f"{value:.3f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def rate(value: float | None, interval: tuple[float, float] | None = None) -> str:
    """Return a rate with its interval in words."""
    if value is None:
        return NONE
    return f"{value:.2f}" if interval is None else f"{value:.2f} [{interval[0]:.2f}, {interval[1]:.2f}]"


def plain(value: float | None) -> str:
    """Return a number without trailing zeros."""
    return NONE if value is None else f"{value:g}"


def lasting(seconds: float | None) -> str:
    """Return a delay in minutes."""
    return NONE if seconds is None else f"{seconds / 60:.1f} min"


COLUMNS: tuple[Column, ...] = (
    Column("VUS-PR", lambda row: share(row.vus_pr, row.vus_pr_interval)),
    Column("after training", lambda row: share(row.vus_pr_after_training)),
    Column("AUC-PR", lambda row: share(row.auc_pr)),
    Column("event recall", lambda row: share(row.event_recall, row.event_recall_interval)),
    Column("faulty days found", lambda row: share(row.faulty_days_found, row.faulty_days_found_interval)),
    Column("false alarms / device-week", lambda row: rate(row.false_alarms_per_device_week, row.false_alarms_interval)),
    Column(
        "asked for", lambda row: NONE if row.requested_per_device_week is None else f"{row.requested_per_device_week:g}"
    ),
    Column("open time", lambda row: NONE if row.incident_open_share is None else f"{row.incident_open_share:.2%}"),
    Column("median delay", lambda row: lasting(row.delay_median_s)),
    Column("p95 delay", lambda row: lasting(row.delay_p95_s)),
    Column(
        "achieved / asked for 1", lambda row: rate(row.achieved_over_requested, row.achieved_over_requested_interval)
    ),
    Column("after drift", lambda row: rate(row.achieved_after_drift, row.achieved_after_drift_interval)),
    Column("false offs", lambda row: NONE if row.false_offs is None else str(row.false_offs)),
    Column("device-years", lambda row: rate(row.device_years)),
    Column("false offs / device-year", lambda row: rate(row.false_offs_per_device_year)),
    Column("95 % upper bound", lambda row: rate(row.false_offs_upper_bound)),
    Column("critical faults switched off", lambda row: share(row.off_recall, row.off_recall_interval)),
)


def columns_of(output: EvaluateOutput) -> list[Column]:
    """Return the columns in which any row says something."""
    return [column for column in COLUMNS if any(column.cell(row) != NONE for row in output.rows)]


def cells_of(row: EvaluateRow, columns: Sequence[Column]) -> list[str]:
    """Return the cells of a row, its name first."""
    return [row.detector, *(column.cell(row) for column in columns)]
