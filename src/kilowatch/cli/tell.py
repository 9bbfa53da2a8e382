"""Lines of the audit as a story in plain words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.core.events import ActionState, Want
from kilowatch.core.explain import clock, energy

if TYPE_CHECKING:
    from kilowatch.core.records import AuditEntry

_SAID = {
    "edit": "{who} changed {device}: {why}",
    "delete": "{who} deleted {device} and its history.",
    "mute": "{who} wants to hear nothing of {device} for a while.",
    "ack": "{who} has seen the incident of {device}.",
    "rearm": "{who} allowed {device} to be switched off.",
    "label": "{who} spoke of the incident of {device}: {why}",
    "undo": "{who} took their word on the incident of {device} back.",
    "asked": "Asked the edge that owns the switch of {device}: {why}",
    "unanswered": "{why}",
    ActionState.CLAIMED: "Decided: {why}",
    ActionState.SENT: "Told the plug of {device} to switch off.",
    ActionState.CONFIRMED: "{device} is off for certain. {why}",
    ActionState.UNCONFIRMED: "Nobody knows whether {device} is off: {why}. A person was asked to look.",
    ActionState.REFUSED: "{device} was left on after all: {why}.",
    Want.NOTIFY: "{why}",
    Want.NONE: "{why}",
}
"""By what was done; words in braces are the entry's own."""


def entry_words(entry: AuditEntry) -> str:
    """Return one line of the audit as a sentence."""
    said = _SAID.get(entry.what, "{who}: {what}. {why}")
    words = said.format(who=entry.who, device=entry.device, why=entry.why, what=entry.what)
    if entry.avoided_wh:
        words += f" That saved about {energy(entry.avoided_wh)}."
    return words


def evidence_words(entry: AuditEntry, zone: str) -> str:
    """Return what a line of the audit rests on, empty where it is a person's word."""
    if entry.score is None:
        return ""
    parts = [f"score {entry.score:.2f}"]
    if entry.window_from_ms is not None and entry.window_to_ms is not None:
        parts.append(f"readings of {hour(entry.window_from_ms, zone)} to {hour(entry.window_to_ms, zone)}")
    if entry.model:
        parts.append(f"model {entry.model[:12]}")
    if entry.incident is not None:
        parts.append(f"incident {entry.incident}")
    return ", ".join(parts)


def hour(ts_ms: int, zone: str) -> str:
    """Return a time on the wall clock, with its date where it is not today."""
    return clock(ts_ms, zone, time.time_ns() // 1_000_000)
