"""How an action goes on from what its plug says: read, switch, read back, at most three times in a minute.

A pure state machine. The actor writes every state down before it does what the state says, so that a process that
dies at any point leaves behind what the next needs to go on without a second switch-off (CONTRACTS, intent
and action).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kilowatch.core.events import ActionState

if TYPE_CHECKING:
    from kilowatch.core.ports import PlugReading

MAX_ATTEMPTS = 3
WITHIN_MS = 60_000
SETTLES_MS = 5_000
"""A meter behind a switch that has just opened still shows the mean of the seconds before."""

FINAL = frozenset({ActionState.CONFIRMED, ActionState.UNCONFIRMED, ActionState.REFUSED})


class Next(StrEnum):
    """What to do about an action now."""

    READ = "read"
    SWITCH = "switch"
    CONFIRM = "confirm"
    GIVE_UP = "give_up"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Standing:
    """An action as far as it has come; times are ms UTC of the clock that the plug is called by.

    claimed_ms: when trying began: the claim, or the restart that found it never sent.
    sent_ms: when the last attempt was sent, None before the first. interrupted: a process died since then, so
    nobody knows what became of it. seen_off: the plug has said off since it was sent.
    """

    state: ActionState
    attempt: int
    claimed_ms: int
    sent_ms: int | None = None
    interrupted: bool = False
    seen_off: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """The next thing to do, and why in plain words."""

    next: Next
    why: str = ""


def move(at: Standing, plug: PlugReading | None, now_ms: int, off_below_w: float) -> Move:
    """Return what to do next; plug: what it has just said, None where it did not answer."""
    if at.state in FINAL:
        return Move(Next.DONE)
    is_late = now_ms - at.claimed_ms >= WITHIN_MS
    # Silence is no attempt: nothing was switched, so only time ends it.
    if plug is None:
        return Move(Next.GIVE_UP, "the plug does not answer") if is_late else Move(Next.READ, "the plug did not answer")
    if plug.on:
        return _still_on(at, plug, is_late=is_late)
    # Clamps read a little below zero where nothing flows.
    if plug.power_w is None or abs(plug.power_w) < off_below_w:
        return Move(Next.CONFIRM, "it was off already" if at.attempt == 0 else "the plug says off")
    if is_late or (at.sent_ms is not None and now_ms - at.sent_ms >= SETTLES_MS and at.attempt >= MAX_ATTEMPTS):
        return Move(Next.GIVE_UP, f"the plug says off, yet {plug.power_w:.0f} W still flow")
    return Move(Next.READ, "the plug says off, its meter not yet")


def _still_on(at: Standing, plug: PlugReading, *, is_late: bool) -> Move:
    # Before all else: whoever switched it on again is not overruled, whatever attempts and time are left.
    if at.seen_off:
        return Move(Next.GIVE_UP, "somebody switched it on again")
    # The call may have come through and a person may have undone it: without proof a person is asked, not the plug.
    if at.interrupted and at.sent_ms is not None and not _untouched_since(at, plug):
        return Move(Next.GIVE_UP, "the plug is on, and whether somebody switched it on again cannot be told")
    if at.attempt >= MAX_ATTEMPTS:
        return Move(Next.GIVE_UP, f"the plug is still on after {at.attempt} attempts")
    if is_late:
        return Move(Next.GIVE_UP, "the plug is still on after a minute")
    return Move(Next.SWITCH, "the plug is on")


def _untouched_since(at: Standing, plug: PlugReading) -> bool:
    # Most plugs keep no such time: after a crash most doubts are left to a person.
    return at.sent_ms is not None and plug.changed_ms is not None and plug.changed_ms < at.sent_ms
