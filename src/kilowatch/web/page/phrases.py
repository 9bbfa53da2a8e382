"""The page's own plain words: how a device stands, what was done about an incident, when something was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from kilowatch.core import explain
from kilowatch.core.device import Kind, Stage
from kilowatch.core.events import ActionState, LabelWord, Severity
from kilowatch.core.localtime import zone
from kilowatch.core.staleness import STALE

if TYPE_CHECKING:
    from kilowatch.core.records import KnownIncident
    from kilowatch.web.views import DeviceCard, LiveDevice


class Look(StrEnum):
    """How a device looks at this moment; also the name of its shape."""

    USUAL = "usual"
    ODD = "odd"
    VERY_ODD = "very-odd"
    SILENT = "silent"
    LEARNING = "learning"
    UNHEARD = "unheard"


class Safety(StrEnum):
    """What may happen to a device's power; also the name of its shape."""

    ARMED = "armed"
    PROTECTED = "protected"
    WATCHED = "watched"


SAFETY_WORDS = {
    Safety.ARMED: "may be switched off",
    Safety.PROTECTED: "never switched",
    Safety.WATCHED: "only watched",
}
LABEL_WORDS = {
    LabelWord.REAL: "Real",
    LabelWord.HARMLESS: "Harmless",
    LabelWord.WRONG: "Wrong",
}
LABEL_MEANS = {
    LabelWord.REAL: "Something was wrong. It is kept out of what counts as usual.",
    LabelWord.HARMLESS: "Odd, but fine. The like of it is shown, and nobody is told.",
    LabelWord.WRONG: "Nothing was odd. The like of it counts as usual from now on.",
}
_DONE = {
    ActionState.CLAIMED: "Is about to be switched off.",
    ActionState.SENT: "Its plug was told to switch off; kilowatch is checking.",
    ActionState.CONFIRMED: "Switched off. Its plug was read back and says off.",
    ActionState.UNCONFIRMED: "Its plug was told to switch off, and does not say that it did. Please look at it.",
    ActionState.REFUSED: "Left on.",
}
# The others read well as their value with a capital letter.
_WRITTEN_OUT = {Kind.TV: "TV", Kind.UPS: "UPS", Kind.HVAC: "Heating and cooling", Kind.UNKNOWN: "Unknown kind"}


def look_of(card: DeviceCard) -> Look:
    """Return how a device looks: what a person has to know first comes first."""
    # Before an incident: what is known of a silent device is old, the odd thing about it too.
    if card.live.is_silent:
        return Look.SILENT
    if card.incident is not None:
        return severity_shape(card.incident.severity)
    if card.live.power_w is None:
        return Look.UNHEARD
    return Look.LEARNING if card.stage is Stage.LEARNING else Look.USUAL


def look_words(look: Look, share: float) -> str:
    """Return a look in words."""
    if look is Look.LEARNING:
        return f"learning, {percent(share)}"
    words = {Look.USUAL: "as usual", Look.ODD: "odd", Look.VERY_ODD: "very odd", Look.SILENT: "silent"}
    return words.get(look, "not heard yet")


def safety_of(card: DeviceCard) -> Safety:
    """Return what may happen to a device's power."""
    if card.is_armed:
        return Safety.ARMED
    return Safety.PROTECTED if card.is_protected else Safety.WATCHED


def stage_words(card: DeviceCard) -> str:
    """Return how far kilowatch has come with a device."""
    if card.stage is Stage.LEARNING:
        return f"Learning, {percent(card.live.learning_share)}"
    return "Armed" if card.is_armed else "Watching"


def kind_words(kind: Kind) -> str:
    """Return what a device is."""
    return _WRITTEN_OUT.get(kind, explain.label(kind))


def power_words(power_w: float | None) -> str:
    """Return a power, a dash where none was heard."""
    return "–" if power_w is None else explain.watts(power_w)


def expected_words(live: LiveDevice) -> str:
    """Return what a device is expected to draw."""
    if live.low_w is None and live.high_w is None:
        return ""
    low_w = float("nan") if live.low_w is None else live.low_w
    high_w = float("nan") if live.high_w is None else live.high_w
    return explain.band(low_w, high_w)


def is_scored(card: DeviceCard) -> bool:
    """Return whether a score is to be expected here: not of a device that is watched and heard, and has none."""
    return card.live.score is not None or card.live.power_w is None or card.stage is Stage.LEARNING


def score_words(score: float | None) -> str:
    """Return a score beside what it means."""
    if score is None:
        return "no score yet"
    if score < 1.0:
        return f"{score:.2f}: as expected"
    return f"{score:.2f}: {'just over' if score < 1.5 else 'far over'} the edge of expected"


def done_words(action: ActionState | None, why: str) -> str:
    """Return what was done about an incident, or why nothing was. why: the audit's newest sentence, or empty."""
    if action is None:
        return why or "Nothing was switched."
    if action is ActionState.REFUSED and why:
        return why
    return _DONE[action]


def over_words(incident: KnownIncident, time_zone: str, now_ms: int) -> str:
    """Return since when an incident lasts, or how long it did."""
    began = explain.clock(incident.event.first_ms, time_zone, now_ms)
    until_ms = odd_until_ms(incident)
    if incident.event.rule == STALE:
        # Its sentence counts from the last reading, and silence is noticed only later.
        return f"noticed {began}" if until_ms is None else f"noticed {began}, over"
    if until_ms is None:
        return f"since {began}"
    return f"{began}, for {explain.duration(until_ms - incident.event.first_ms)}"


def odd_until_ms(incident: KnownIncident) -> int | None:
    """Return when it was last odd, None while it may be still; an incident is closed a quiet while after that."""
    if incident.cleared_ms is None:
        return None
    return incident.event.last_ms if incident.event.last_ms > incident.event.first_ms else incident.cleared_ms


def severity_words(severity: Severity) -> str:
    """Return how odd an incident is."""
    return {Severity.CRITICAL: "very odd", Severity.WARN: "odd"}.get(severity, "a little odd")


def severity_shape(severity: Severity) -> Look:
    """Return the shape that stands beside a severity."""
    return Look.VERY_ODD if severity is Severity.CRITICAL else Look.ODD


def rate_words(per_week: float) -> str:
    """Return a rate of alarms: "2 a week", "one in 10 weeks"."""
    return f"{per_week:g} a week" if per_week >= 1 else f"one in {1 / per_week:.3g} weeks"


def named(device: str, kind: Kind) -> tuple[str, str]:
    """Return a device's name and its kind, the kind empty where the name says it."""
    name, words = explain.label(device), kind_words(kind)
    return (words, "") if name.casefold() == words.casefold() else (name, words)


def day_words(ts_ms: int, time_zone: str) -> str:
    """Return a time with its weekday: "Monday 17:42"."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ts_ms)
    return f"{at.astimezone(zone(time_zone)):%A %H:%M}"


def money(amount: float, currency: str) -> str:
    """Return an amount: "0.42 €"."""
    sign = {"EUR": "€", "USD": "$", "GBP": "£"}.get(currency, currency)
    return f"{amount:,.2f} {sign}"


def percent(share: float) -> str:
    """Return a share of one; it is 100 % only where nothing is missing."""
    return f"{min(99, int(100 * share)) if share < 1 else 100} %"


def counted(number: int, thing: str) -> str:
    """Return a number of things: "1 device", "12 devices"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
