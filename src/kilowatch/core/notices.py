"""What people are told, and when: one notice as an incident begins, one as it ends, one where a plug did not obey."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from kilowatch.core.events import ActionState, EventKind, Severity
from kilowatch.core.explain import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.events import ActionEvent, IncidentEvent

_ORDER = list(Severity)
_LISTED = 20
# Names come from plugs and brokers, which set no end to them.
_MOST_LETTERS = 200


class Phase(StrEnum):
    """What a notice tells."""

    BEGAN = "began"
    ENDED = "ended"
    UNANSWERED = "unanswered"
    HISTORY = "history"
    DIGEST = "digest"
    TEST = "test"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message to people: what a webhook and a broker get, and what mail and phone show."""

    schema: Literal["kilowatch.notice"] = "kilowatch.notice"
    version: Literal[1] = 1
    id: Annotated[str, Meta(description="the incident's id with the phase; the same when it is sent again")]
    phase: Annotated[Phase, Meta(description="what it tells")]
    severity: Severity
    site: str
    device: Annotated[str, Meta(description="empty where it speaks of several")]
    title: Annotated[str, Meta(description="one line")]
    text: Annotated[str, Meta(description="plain words")]
    ts_ms: Annotated[int, Meta(description="event time, ms UTC")]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one channel wants to hear. most_per_hour: messages; those where a plug did not obey do not count."""

    at_least: Severity = Severity.INFO
    most_per_hour: int = 20

    def wants(self, severity: Severity) -> bool:
        """Whether an incident is odd enough."""
        return _ORDER.index(severity) >= _ORDER.index(self.at_least)


def phase_of(event: IncidentEvent) -> Phase | None:
    """Return what an event calls for, None where people want to hear nothing of it: muted or acknowledged.

    An update calls for the beginning too: a channel may not have been told of it, because it was mild or muted.
    """
    if event.historical:
        return None if event.kind is EventKind.UPDATED else Phase.HISTORY
    if event.evidence.acknowledged:
        return None
    if event.kind is EventKind.CLEARED:
        return Phase.ENDED
    return None if event.evidence.muted else Phase.BEGAN


def notice_of(event: IncidentEvent, phase: Phase, steps: Sequence[ActionEvent] = ()) -> Notice:
    """Return what is told of an event. steps: of the incident's action, where it had one."""
    name = one_line(label(event.device))
    title = f"{name} is as expected again" if phase is Phase.ENDED else f"{name}: {_ODD[event.severity]}"
    if event.kind is EventKind.STALE:
        title = f"{name} is silent"
    words = [event.sentence, _done(steps)] if phase is Phase.ENDED else [event.sentence]
    return Notice(
        id=f"{event.id}.{phase}",
        phase=phase,
        severity=event.severity,
        site=event.site,
        device=event.device,
        title=title,
        text=" ".join(filter(None, words)),
        ts_ms=event.ts_ms,
    )


_ODD = {
    Severity.INFO: "a little odd",
    Severity.WARN: "not as expected",
    Severity.CRITICAL: "far from expected",
}


def unanswered(action: ActionEvent, event: IncidentEvent | None) -> Notice:
    """Return the call for a person where a plug did not obey, or nobody knows whether it did."""
    name = one_line(label(action.device))
    words = ["" if event is None else event.sentence, f"It could not be switched off for certain: {action.why}."]
    return Notice(
        id=f"{action.id}.{Phase.UNANSWERED}",
        phase=Phase.UNANSWERED,
        severity=Severity.CRITICAL,
        site=action.site,
        device=action.device,
        title=f"Please look at {name}: it may still be on",
        text=" ".join(filter(None, [*words, "Please look, and switch it off by hand where that is needed."])),
        ts_ms=action.ts_ms,
    )


def digest(notices: Sequence[Notice]) -> Notice:
    """Return one notice that stands for many: of each incident its last word, the newest first."""
    # In order of time, so that of each incident the last word is left.
    last = {notice.id.rpartition(".")[0]: notice for notice in sorted(notices, key=_time)}
    newest = sorted(last.values(), key=_time, reverse=True)
    return _summary(newest, Phase.DIGEST, f"{len(newest)} incidents on {_devices(newest)}")


def history(notices: Sequence[Notice]) -> Notice:
    """Return one notice of what was found in history that was imported."""
    by_time = sorted(notices, key=_time)
    return _summary(by_time, Phase.HISTORY, f"History: {len(by_time)} incidents on {_devices(by_time)}")


def trial(site: str, ts_ms: int) -> Notice:
    """Return the notice that `kilowatch notify test` sends."""
    return Notice(
        id=f"{ts_ms}.{Phase.TEST}",
        phase=Phase.TEST,
        severity=Severity.INFO,
        site=site,
        device="",
        title="kilowatch can reach you",
        text=f"This is a test from {one_line(site)}. Nothing is wrong.",
        ts_ms=ts_ms,
    )


def one_line(text: str) -> str:
    """Return a text as one line that no mail header or terminal stumbles over."""
    # Cut before it is looked through: a name may be a megabyte long.
    plain = "".join(letter if letter.isprintable() else " " for letter in text[:_MOST_LETTERS])
    return " ".join(plain.split())


def _summary(notices: Sequence[Notice], phase: Phase, title: str) -> Notice:
    left = len(notices) - _LISTED
    lines = [f"- {notice.text}" for notice in notices[:_LISTED]] + ([f"- and {left} more"] if left > 0 else [])
    newest = max(notices, key=_time)
    return Notice(
        # By the newest that it holds: sent again it has the same id, and the next summary another.
        id=f"{newest.id.rpartition('.')[0]}.{phase}",
        phase=phase,
        severity=max((notice.severity for notice in notices), key=_ORDER.index),
        site=newest.site,
        device="",
        title=title,
        text="\n".join(lines),
        ts_ms=newest.ts_ms,
    )


def _time(notice: Notice) -> int:
    return notice.ts_ms


def _devices(notices: Sequence[Notice]) -> str:
    names = {(notice.site, notice.device) for notice in notices}
    return "1 device" if len(names) == 1 else f"{len(names)} devices"


def _done(steps: Sequence[ActionEvent]) -> str:
    if not steps or max(steps, key=lambda step: step.version).state is not ActionState.CONFIRMED:
        return ""
    return "kilowatch had switched it off."
