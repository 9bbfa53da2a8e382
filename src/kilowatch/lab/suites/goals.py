"""What was aimed at, and what was reached: a missed goal is printed as missed."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from kilowatch.core.outputs_evaluate import EvaluateRow, GoalRow
from kilowatch.detectors.registry import DetectorName
from kilowatch.lab.datasets import Family
from kilowatch.lab.suites.prepare import Suite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Reached = Literal["goal", "must", "missed", "not measured"]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table of goals; both limits are reached at or beyond, smaller is better where is_upper."""

    measure: str
    value: Callable[[EvaluateRow], float | None]
    must: float
    goal: float
    is_upper: bool = False

    def judged(self, row: EvaluateRow) -> GoalRow:
        """Return how a row stands to it."""
        value = self.value(row)
        limit = "at most" if self.is_upper else "at least"
        return GoalRow(
            measure=self.measure,
            value=value,
            must=f"{limit} {self.must:g}",
            goal=f"{limit} {self.goal:g}",
            reached=self._reached(value),
        )

    def _reached(self, value: float | None) -> Reached:
        if value is None:
            return "not measured"
        sign = -1 if self.is_upper else 1
        if sign * value >= sign * self.goal:
            return "goal"
        return "must" if sign * value >= sign * self.must else "missed"


def _minutes(row: EvaluateRow) -> float | None:
    return None if row.delay_median_s is None else round(row.delay_median_s / 60, 2)


GOALS: Mapping[Suite, tuple[Goal, ...]] = MappingProxyType(
    {
        Suite.FAULTS: (
            Goal("VUS-PR", lambda row: row.vus_pr, 0.50, 0.65),
            Goal("faulty days found at <= 1 false alarm a device-week", lambda row: row.faulty_days_found, 0.50, 0.75),
        ),
        Suite.INJECTED: (
            Goal("event recall at <= 1 false alarm a device-week", lambda row: row.event_recall, 0.65, 0.85),
            Goal("median delay, min", _minutes, 10, 2, is_upper=True),
        ),
        Suite.SWITCH_OFF: (
            Goal("recall of critical faults", lambda row: row.off_recall, 0.5, 0.5),
            Goal("false offs per device-year", lambda row: row.false_offs_per_device_year, 1, 0, is_upper=True),
        ),
    }
)


def goals_of(suite: Suite, rows: Sequence[EvaluateRow], families: Sequence[EvaluateRow] = ()) -> list[GoalRow]:
    """Return how the default stands to the goals of a suite; empty where it did not take part.

    The goals of injections are for 30 s meters, where the default has been measured on those.
    """
    own = next((row for row in rows if row.detector == DetectorName.DEFAULT), None)
    if own is None:
        return []
    if suite is Suite.INJECTED:
        meters = [row for row in families if (row.detector, row.family) == (own.detector, Family.COMBED)]
        return _injected_goals(*(meters or [own]))
    lines = [goal.judged(own) for goal in GOALS.get(suite, ())]
    return lines + (_published_goals(own, rows) if suite is Suite.NAB else [])


def _injected_goals(row: EvaluateRow) -> list[GoalRow]:
    where = "30 s meters" if row.family else "all devices"
    lines = [goal.judged(row) for goal in GOALS[Suite.INJECTED]]
    lines += [_ratio("achieved over requested rate, clean", row.achieved_over_requested)]
    lines += [_ratio("the same from three days after a drift", row.achieved_after_drift)]
    return [replace(line, measure=f"{where}: {line.measure}") for line in lines]


def _ratio(measure: str, value: float | None) -> GoalRow:
    reached: Reached = "not measured"
    # Limits and their reciprocals: half of what was asked for is as far off as twice.
    if value is not None:
        reached = "goal" if 0.8 <= value <= 1.25 else "must" if 0.5 <= value <= 2 else "missed"
    return GoalRow(measure=measure, value=value, must="0.5 to 2", goal="0.8 to 1.25", reached=reached)


def _published_goals(own: EvaluateRow, rows: Sequence[EvaluateRow]) -> list[GoalRow]:
    published = {row.detector: row.vus_pr for row in rows if row.published and row.vus_pr is not None}
    oracle = next((value for name, value in published.items() if name.startswith("oracle")), None)
    singles = [value for name, value in published.items() if not name.startswith("oracle")]
    if oracle is None or not singles:
        return []
    # The best of them is what must be reached; the oracle knows labels that nobody has beforehand.
    return [Goal("VUS-PR, mean over series", lambda row: row.vus_pr, max(singles), oracle).judged(own)]
