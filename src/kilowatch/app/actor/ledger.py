"""Every step of an action and every decision, on disk first and told afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import WIRE_V, ActionEvent, ActionState
from kilowatch.core.records import AuditEntry
from kilowatch.errors import StateError

if TYPE_CHECKING:
    from kilowatch.app.actor.ports import ActionBook, Clock, Tell, World
    from kilowatch.core.device import ActsBy
    from kilowatch.core.events import IncidentEvent, Intent

HOUR_MS = 3_600_000
ASKED, UNANSWERED = "asked", "unanswered"
"""The audit's words for an intent that travels to the side which owns the switch."""
_AVOIDED_AT_MOST_MS = 24 * HOUR_MS


class OvertakenError(StateError):
    """Another process has written an action's next step; whoever holds this must not go on with it."""


class Ledger:
    """Writes the book, then tells; what is told twice after a crash has the same id and version."""

    def __init__(self, book: ActionBook, world: World, tell: Tell, clock: Clock, side: ActsBy) -> None:
        self._book = book
        self._world = world
        self._tell = tell
        self._clock = clock
        self._side = side

    def steps(self, incident: str) -> list[ActionEvent]:
        """Return the steps of an incident's action, oldest first."""
        return self._book.steps(incident)

    def decided(self, intent: Intent, event: IncidentEvent, site_ms: int) -> None:
        """Note what policy wants of an incident, and why not more."""
        self._book.write(None, entry(event, site_ms, intent.want.value, intent.why))

    def said_before(self, intent: Intent) -> bool:
        """Return whether the last word on an incident is what policy wants now: a process that died had said it."""
        last = self._book.last_word(intent.site, intent.device, intent.id)
        # By its words: the audit keeps no list of interlocks.
        return last is not None and (last.what, last.why) == (intent.want.value, intent.why)

    def asked(self, intent: Intent, event: IncidentEvent, site_ms: int) -> None:
        """Note that the side which owns the switch is asked."""
        self._book.write(None, entry(event, site_ms, ASKED, intent.why))

    def unanswered(self, event: IncidentEvent, site_ms: int) -> None:
        """Note that the side which owns the switch said nothing while the intent was worth something."""
        why = f"The side that owns the switch of {event.device} has not answered; a person should look."
        self._book.write(None, entry(event, site_ms, UNANSWERED, why))

    def refuse(self, intent: Intent, event: IncidentEvent, site_ms: int, why: str) -> ActionEvent:
        """Answer another side's intent with no: the end of the incident's one action."""
        refused = msgspec.structs.replace(self._first(intent, site_ms), state=ActionState.REFUSED, why=why)
        self._write(refused, entry(event, site_ms, refused.state.value, why))
        return refused

    def claim(self, intent: Intent, event: IncidentEvent, site_ms: int) -> ActionEvent:
        """Claim an incident's one action; `OvertakenError` where another process has it."""
        claimed = self._first(intent, site_ms)
        self._write(claimed, entry(event, site_ms, claimed.state.value, claimed.why))
        return claimed

    def step(
        self,
        action: ActionEvent,
        state: ActionState,
        why: str,
        power_w: float | None = None,
        attempt: int | None = None,
    ) -> ActionEvent:
        """Write an action's next step down, tell it, and ask for a person where the plug did not obey.

        `OvertakenError`, and nothing is told, where another process has written that step.
        """
        event = self._world.incident(action.id)
        # A plug that was found off saved its energy without us.
        is_saving = state is ActionState.CONFIRMED and action.attempt > 0 and event is not None
        following = msgspec.structs.replace(
            action,
            version=action.version + 1,
            state=state,
            attempt=action.attempt if attempt is None else attempt,
            wall_ms=self._clock.now_ms(),
            why=why,
            power_w=power_w,
            avoided_wh=avoided_wh(event, action.ts_ms) if is_saving and event is not None else None,
        )
        self._write(following, action_entry(following, event))
        if state is ActionState.UNCONFIRMED:
            self._tell.escalate(following, event)
        return following

    def _write(self, action: ActionEvent, line: AuditEntry) -> None:
        if not self._book.write(action, line):
            raise OvertakenError(
                f"Another process has gone on with the action of incident {action.id}.",
                "Nothing is lost: that process goes on. Let one actor run for this site.",
            )
        self._tell.action(action)

    def _first(self, intent: Intent, site_ms: int) -> ActionEvent:
        return ActionEvent(
            v=WIRE_V,
            id=intent.id,
            version=1,
            site=intent.site,
            device=intent.device,
            state=ActionState.CLAIMED,
            want=intent.want,
            acts_by=self._side,
            attempt=0,
            ts_ms=site_ms,
            wall_ms=self._clock.now_ms(),
            why=intent.why,
        )


def action_entry(action: ActionEvent, event: IncidentEvent | None) -> AuditEntry:
    """Return the line of audit for a step, with its incident's evidence where that is known."""
    if event is not None:
        return entry(event, action.ts_ms, action.state.value, action.why, action.avoided_wh)
    return AuditEntry(
        ts_ms=action.ts_ms,
        what=action.state.value,
        who="kilowatch",
        why=action.why,
        site=action.site,
        device=action.device,
        incident=action.id,
        avoided_wh=action.avoided_wh,
    )


def entry(event: IncidentEvent, ts_ms: int, what: str, why: str, avoided: float | None = None) -> AuditEntry:
    """Return a line of audit with an incident's evidence."""
    return AuditEntry(
        ts_ms=ts_ms,
        what=what,
        who="kilowatch",
        why=why,
        site=event.site,
        device=event.device,
        incident=event.id,
        score=event.score,
        threshold=event.threshold,
        model=event.model or None,
        window_from_ms=event.first_ms,
        window_to_ms=event.last_ms,
        avoided_wh=avoided,
    )


def avoided_wh(event: IncidentEvent, off_ms: int) -> float:
    """Return an estimate of the energy that a switch-off avoided, Wh.

    What it drew above the top of its expected band, times as long again as the incident had lasted, a day at most:
    of something whose end nobody knows, the time it has lasted is the best guess of the time it would go on.
    """
    excess_w = max(0.0, (event.observed_w or 0.0) - (event.expected_high_w or 0.0))
    return round(excess_w * min(max(0, off_ms - event.first_ms), _AVOIDED_AT_MOST_MS) / HOUR_MS, 3)
