"""Every step of an action and every decision, on disk first and told afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import WIRE_V, ActionEvent, ActionState
from kilowatch.core.records import AuditEntry

if TYPE_CHECKING:
    from kilowatch.app.actor.ports import ActionBook, Clock, Tell, World
    from kilowatch.core.device import ActsBy
    from kilowatch.core.events import IncidentEvent, Intent

HOUR_MS = 3_600_000
_AVOIDED_AT_MOST_MS = 24 * HOUR_MS


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

    def claim(self, intent: Intent, event: IncidentEvent, site_ms: int) -> ActionEvent:
        """Claim an incident's one action."""
        claimed = ActionEvent(
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
        self._book.write(claimed, entry(event, site_ms, claimed.state.value, claimed.why))
        self._tell.action(claimed)
        return claimed

    def step(
        self,
        action: ActionEvent,
        state: ActionState,
        why: str,
        power_w: float | None = None,
        attempt: int | None = None,
    ) -> ActionEvent:
        """Write an action's next step down, tell it, and ask for a person where the plug did not obey."""
        following = msgspec.structs.replace(
            action,
            version=action.version + 1,
            state=state,
            attempt=action.attempt if attempt is None else attempt,
            wall_ms=self._clock.now_ms(),
            why=why,
            power_w=power_w,
        )
        event = self._world.incident(action.id)
        self._book.write(following, self._entry(following, event))
        self._tell.action(following)
        if state is ActionState.UNCONFIRMED:
            self._tell.escalate(following, event)
        return following

    def _entry(self, action: ActionEvent, event: IncidentEvent | None) -> AuditEntry:
        if event is None:
            return AuditEntry(
                ts_ms=action.ts_ms,
                what=action.state.value,
                who="kilowatch",
                why=action.why,
                site=action.site,
                device=action.device,
                incident=action.id,
            )
        confirmed = action.state is ActionState.CONFIRMED and action.attempt > 0
        avoided = avoided_wh(event, action.ts_ms) if confirmed else None
        return entry(event, action.ts_ms, action.state.value, action.why, avoided)


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
