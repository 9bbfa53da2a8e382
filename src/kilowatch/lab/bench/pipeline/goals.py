"""Figures beside their goals."""

from __future__ import annotations

from kilowatch.core.outputs import BenchRow


class GoalRow(BenchRow, frozen=True, kw_only=True, omit_defaults=True):
    """One figure, what was asked for in words, and whether it was reached; None where it is printed alone."""

    goal: str = ""
    met: bool | None = None
    note: str = ""


def printed(name: str, value: float | None, unit: str, note: str = "") -> GoalRow:
    """Return a figure without a goal."""
    return GoalRow(name=name, value=_rounded(value), unit=unit, note=note)


def at_most(name: str, value: float | None, unit: str, goal: float) -> GoalRow:
    """Return a figure that should not be above its goal; one that is not known has missed it."""
    met = value is not None and value <= goal
    return GoalRow(name=name, value=_rounded(value), unit=unit, goal=f"at most {goal:,g}", met=met)


def at_least(name: str, value: float | None, unit: str, goal: float) -> GoalRow:
    """Return a figure that should not be below its goal; one that is not known has missed it."""
    met = value is not None and value >= goal
    return GoalRow(name=name, value=_rounded(value), unit=unit, goal=f"at least {goal:,g}", met=met)


def skipped(name: str, why: str) -> GoalRow:
    """Return a row for what could not be measured here."""
    return GoalRow(name=name, value=None, unit="", note=why)


def _rounded(value: float | None) -> float | None:
    if value is None:
        return None
    return round(value, 1) if abs(value) >= 100 else round(value, 3)
