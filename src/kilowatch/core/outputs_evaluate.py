"""What `kilowatch evaluate SUITE --json` prints; kept stable."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]
Bounds = Annotated[tuple[float, float], Meta(description="95 % interval, low and high")]


class OperatingPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What one rate of alarms that was asked for brought; null where the suite does not measure it."""

    requested_per_device_week: float
    false_alarms: Annotated[int, Meta(ge=0, description="on clean data, at most one an hour")]
    device_weeks: Annotated[float, Meta(ge=0, description="of clean data")]
    false_alarms_per_device_week: float | None
    incident_open_share: Annotated[float | None, Meta(description="of clean time")]
    event_recall: Share | None
    faulty_days_found: Share | None
    delay_median_s: Annotated[float | None, Meta(description="of events for which an incident opened")]
    delay_p95_s: float | None


class EvaluateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One detector. The operating point is the first requested rate, from 1 a device-week downwards, at which clean
    data gave at most one alarm a device-week; all are in `curve`."""

    detector: str
    family: Annotated[str, Meta(description="of devices, where the row is of one data set only")] = ""
    published: Annotated[bool, Meta(description="a figure from the literature, not measured here")] = False
    vus_pr: Share | None = None
    vus_pr_interval: Bounds | None = None
    vus_pr_after_training: Share | None = None
    vus_roc: Share | None = None
    auc_pr: Share | None = None
    event_recall: Share | None = None
    event_recall_interval: Bounds | None = None
    events: Annotated[int, Meta(ge=0)] = 0
    faulty_days_found: Share | None = None
    faulty_days_found_interval: Bounds | None = None
    faulty_days: Annotated[int, Meta(ge=0)] = 0
    requested_per_device_week: float | None = None
    false_alarms_per_device_week: float | None = None
    false_alarms_interval: Bounds | None = None
    incident_open_share: float | None = None
    delay_median_s: float | None = None
    delay_p95_s: float | None = None
    achieved_over_requested: Annotated[float | None, Meta(description="where one a device-week was asked for")] = None
    achieved_over_requested_interval: Bounds | None = None
    achieved_after_drift: Annotated[float | None, Meta(description="the same, from three days after a drift on")] = None
    achieved_after_drift_interval: Bounds | None = None
    false_offs: int | None = None
    device_years: float | None = None
    false_offs_per_device_year: float | None = None
    false_offs_upper_bound: Annotated[float | None, Meta(description="95 %, exact Poisson, a device-year")] = None
    off_recall: Annotated[Share | None, Meta(description="critical faults that were switched off")] = None
    off_recall_interval: Bounds | None = None
    critical_faults: Annotated[int, Meta(ge=0)] = 0
    seeds: tuple[int, ...] = ()
    curve: tuple[OperatingPoint, ...] = ()


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """One detector on one sort of event: group and level are type and dose, or appliance and fault."""

    detector: str
    group: str
    level: str
    events: int
    event_recall: Share | None = None
    event_recall_interval: Bounds | None = None
    vus_pr: Share | None = None
    delay_median_s: float | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Paired difference of two detectors over the same series, by bootstrap."""

    measure: str
    first: str
    second: str
    difference: float
    interval: Bounds
    wins: int
    of: int


class GoalRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was aimed at, and what was reached."""

    measure: str
    value: float | None
    must: Annotated[str, Meta(description="in words")]
    goal: str
    reached: Literal["goal", "must", "missed", "not measured"]


class EvaluateOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch evaluate SUITE --json` prints."""

    schema: Literal["kilowatch.evaluate"] = "kilowatch.evaluate"
    version: Literal[1] = 1
    suite: str
    quick: Annotated[bool, Meta(description="a small part only: figures are not comparable")]
    machine: str
    seconds: float
    seeds: Annotated[tuple[int, ...], Meta(description="of injections and bootstrap")]
    base_rate: Annotated[float | None, Meta(description="labelled share: what a random score's VUS-PR lies near")]
    devices: int
    protocol: Annotated[list[str], Meta(description="how it was measured, sentence by sentence")]
    notes: Annotated[list[str], Meta(description="what was left out, and why")]
    rows: list[EvaluateRow]
    family_rows: Annotated[list[EvaluateRow], Meta(description="the shipped detectors on each data set alone")]
    breakdown: list[Breakdown]
    comparisons: list[Comparison]
    goals: list[GoalRow]


class AccuracyOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch evaluate accuracy --json` prints."""

    schema: Literal["kilowatch.accuracy"] = "kilowatch.accuracy"
    version: Literal[1] = 1
    suites: Annotated[list[EvaluateOutput], Meta(description="one of each suite, in the document's order")]
