"""What to do about an incident: tell somebody, switch the plug off, or nothing, and why.

A pure function of what it is given. Switching off needs every interlock to be open; all that are shut are named.
Nothing here touches a plug: an intent is a wish, and the actor that owns the plug asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from kilowatch.core import explain
from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage
from kilowatch.core.events import WIRE_V, EventKind, Intent, Severity, Want
from kilowatch.core.incident_book import MIN_WINDOWS, is_muted
from kilowatch.core.staleness import STALE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kilowatch.core.events import IncidentEvent

HOUR_MS = 3_600_000
COLD_START = "cold_start"
"""The rule of what is found before a device has been learnt; nothing is ever switched on its word."""
EXPIRES_MS = 120_000
"""An intent is worth nothing this long after the site time that made it, nor is evidence older than this."""

MIN_ON_S: Mapping[Kind, float] = MappingProxyType({Kind.FRIDGE: 300.0, Kind.FREEZER: 300.0, Kind.HVAC: 300.0})
"""A compressor cut off soon after its start can stall at the next: these run at least so long."""


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """What the owner allows. `side` is the part that asks; only dry_run=False ever switches."""

    side: ActsBy
    dry_run: bool = True
    cooldown_s: float = 3600.0
    # A fault of ours that strikes all devices at once must not darken a home.
    site_actions_per_hour: int = 2
    min_windows: int = MIN_WINDOWS


@dataclass(frozen=True, slots=True)
class Moment:
    """Site time, and whether the device is silent at it."""

    site_ms: int
    stale: bool = False


@dataclass(frozen=True, slots=True)
class PolicyHistory:
    """What was done before: ids of incidents acted on, times of actions, and of a person's own words.

    device_actions_ms, site_actions_ms: event times of recent switch-offs of the device and of its whole site.
    person_on_ms: when a person last switched the device on. rearmed_ms: when one last allowed switching again.
    """

    acted_on: frozenset[str] = frozenset()
    device_actions_ms: tuple[int, ...] = ()
    site_actions_ms: tuple[int, ...] = ()
    person_on_ms: int | None = None
    rearmed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """All that a decision rests on; event is the incident's latest."""

    event: IncidentEvent
    record: DeviceRecord
    at: Moment
    history: PolicyHistory
    rules: PolicyRules


class Interlock(StrEnum):
    """Why a plug may not be switched off, in the order in which the reasons are told."""

    OTHER_DEVICE = "other_device"
    CLEARED = "cleared"
    HISTORICAL = "historical"
    EXPIRED = "expired"
    NOT_CRITICAL = "not_critical"
    DRAWS_LITTLE = "draws_little"
    ONE_WINDOW = "one_window"
    PROTECTED = "protected"
    LEARNING = "learning"
    NOT_ARMED = "not_armed"
    NOT_OURS = "not_ours"
    MUTED = "muted"
    ACKNOWLEDGED = "acknowledged"
    STALE = "stale"
    ALREADY_ACTED = "already_acted"
    PERSON_ON = "person_on"
    COOL_DOWN = "cool_down"
    SITE_RATE = "site_rate"
    MINIMUM_ON = "minimum_on"
    DRY_RUN = "dry_run"


def decide(case: Case) -> Intent:
    """Return what is wanted: switch_off where no interlock is shut, else notify, else none."""
    shut = blocking(case)
    want = Want.SWITCH_OFF
    if shut:
        want = Want.NONE if _is_silent(case, shut) else Want.NOTIFY
    return Intent(
        v=WIRE_V,
        id=case.event.id,
        site=case.event.site,
        device=case.event.device,
        want=want,
        why=_why(case, shut),
        blocked=tuple(shut),
        expires_ms=case.at.site_ms + EXPIRES_MS,
    )


def blocking(case: Case) -> list[Interlock]:
    """Return every interlock that is shut, in order."""
    return [interlock for interlock in Interlock if _SHUT[interlock](case)]


# Of these no person wants to hear either; all other interlocks leave the notice.
_TELLS_NOBODY = frozenset(
    {
        Interlock.OTHER_DEVICE,
        Interlock.CLEARED,
        Interlock.HISTORICAL,
        Interlock.LEARNING,
        Interlock.MUTED,
        Interlock.ACKNOWLEDGED,
    }
)


def _is_silent(case: Case, shut: list[Interlock]) -> bool:
    """Say nothing, unless it is the silence itself that is to be told."""
    return not _TELLS_NOBODY.isdisjoint(shut) or (case.at.stale and case.event.rule != STALE)


def _why(case: Case, shut: list[Interlock]) -> str:
    device = case.event.device
    if not shut:
        return f"{explain.label(device)} is switched off: {case.event.evidence.phrase}."
    return f"Would switch {device} off, but {'; '.join(_BECAUSE[interlock] for interlock in shut)}."


def _expired(case: Case) -> bool:
    # Ahead of site time is as bad as behind: one of the two is wrong then, and nobody knows which.
    return abs(case.at.site_ms - case.event.last_ms) > EXPIRES_MS


def _draws_little(case: Case) -> bool:
    """Unknown counts as little, and so does less than expected: a freezer that draws nothing needs help, not a cut."""
    observed_w, low_w = case.event.observed_w, case.event.expected_low_w
    return observed_w is None or observed_w <= case.record.off_below_w or (low_w is not None and observed_w < low_w)


def _person_on(case: Case) -> bool:
    on_ms, rearmed_ms = case.history.person_on_ms, case.history.rearmed_ms
    # At the same instant the hand on the switch counts.
    return on_ms is not None and (rearmed_ms is None or rearmed_ms <= on_ms)


def _cool_down(case: Case) -> bool:
    return any(case.at.site_ms - acted_ms < case.rules.cooldown_s * 1000 for acted_ms in case.history.device_actions_ms)


def _site_rate(case: Case) -> bool:
    recent = [acted_ms for acted_ms in case.history.site_actions_ms if case.at.site_ms - acted_ms < HOUR_MS]
    return len(recent) >= case.rules.site_actions_per_hour


def _minimum_on(case: Case) -> bool:
    least_s, on_since_ms = MIN_ON_S.get(case.record.kind, 0.0), case.event.evidence.on_since_ms
    if least_s == 0.0:
        return False
    # Where nobody knows since when, it may have started a moment ago.
    return on_since_ms is None or case.at.site_ms - on_since_ms < least_s * 1000


_SHUT: Mapping[Interlock, Callable[[Case], bool]] = MappingProxyType(
    {
        Interlock.OTHER_DEVICE: lambda case: (
            (case.event.site, case.event.device) != (case.record.site, case.record.device)
        ),
        Interlock.CLEARED: lambda case: case.event.kind is EventKind.CLEARED,
        Interlock.HISTORICAL: lambda case: case.event.historical,
        Interlock.EXPIRED: _expired,
        Interlock.NOT_CRITICAL: lambda case: case.event.severity is not Severity.CRITICAL,
        Interlock.DRAWS_LITTLE: _draws_little,
        # A setting may ask for more windows, never for fewer.
        Interlock.ONE_WINDOW: lambda case: case.event.evidence.windows < max(MIN_WINDOWS, case.rules.min_windows),
        Interlock.PROTECTED: lambda case: case.record.protected,
        Interlock.LEARNING: lambda case: case.record.stage is Stage.LEARNING or case.event.rule == COLD_START,
        Interlock.NOT_ARMED: lambda case: case.record.stage is not Stage.ARMED,
        Interlock.NOT_OURS: lambda case: (
            case.record.acts_by is ActsBy.NONE or case.record.acts_by is not case.rules.side
        ),
        Interlock.MUTED: lambda case: is_muted(case.record, case.at.site_ms),
        Interlock.ACKNOWLEDGED: lambda case: case.event.evidence.acknowledged,
        Interlock.STALE: lambda case: case.at.stale or case.event.rule == STALE,
        Interlock.ALREADY_ACTED: lambda case: case.event.id in case.history.acted_on,
        Interlock.PERSON_ON: _person_on,
        Interlock.COOL_DOWN: _cool_down,
        Interlock.SITE_RATE: _site_rate,
        Interlock.MINIMUM_ON: _minimum_on,
        Interlock.DRY_RUN: lambda case: case.rules.dry_run,
    }
)

_BECAUSE: Mapping[Interlock, str] = MappingProxyType(
    {
        Interlock.OTHER_DEVICE: "the record is of another device",
        Interlock.CLEARED: "the incident is over",
        Interlock.HISTORICAL: "the readings are history",
        Interlock.EXPIRED: "the evidence is not current",
        Interlock.NOT_CRITICAL: "it is not critical",
        Interlock.DRAWS_LITTLE: "it draws too little for that to help",
        Interlock.ONE_WINDOW: "one window alone is odd so far",
        Interlock.PROTECTED: "it is protected",
        Interlock.LEARNING: "it is still being learnt",
        Interlock.NOT_ARMED: "nobody armed it",
        Interlock.NOT_OURS: "another side owns its switch, or none",
        Interlock.MUTED: "it is muted",
        Interlock.ACKNOWLEDGED: "somebody has acknowledged the incident",
        Interlock.STALE: "it says nothing",
        Interlock.ALREADY_ACTED: "this incident has had its one action",
        Interlock.PERSON_ON: "a person switched it on and has not re-armed it",
        Interlock.COOL_DOWN: "it was switched off a short while ago",
        Interlock.SITE_RATE: "the site has had its actions for this hour",
        Interlock.MINIMUM_ON: "its compressor has not run its minimum time",
        Interlock.DRY_RUN: "this is a dry run",
    }
)
