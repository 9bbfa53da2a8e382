"""What policy says of an incident now, with all that was done before read from the book."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kilowatch.core.acting import FINAL
from kilowatch.core.events import ActionState
from kilowatch.core.policy import HOUR_MS, Case, PolicyHistory, blocking

if TYPE_CHECKING:
    from kilowatch.app.actor.ports import ActionBook, World
    from kilowatch.core.device import ActsBy, DeviceRecord
    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.core.policy import Interlock, PolicyRules

_LOOK_BACK_MS = 30 * 24 * HOUR_MS
"""A person's "on" after a switch-off is seen while the switch-off is no older than this."""


class Decisions:
    """Puts the cases that policy decides together."""

    def __init__(self, book: ActionBook, world: World, rules: PolicyRules) -> None:
        self._book = book
        self._world = world
        self._rules = rules

    def case(self, event: IncidentEvent, record: DeviceRecord, side: ActsBy | None = None) -> Case:
        """Return all that a decision about an incident rests on now. side: who would act, None for ourselves."""
        at = self._world.moment(event.site, event.device)
        rules = self._rules if side is None else replace(self._rules, side=side)
        return Case(event, record, at, self._history(event, at.site_ms), rules)

    def shut(self, event: IncidentEvent, record: DeviceRecord) -> list[Interlock]:
        """Return every interlock that forbids to switch a device off for an incident now."""
        return blocking(self.case(event, record))

    def blocking_now(self, incident: str) -> list[Interlock] | None:
        """Return what forbids to go on with an action that is claimed; None where incident or device are gone."""
        event = self._world.incident(incident)
        record = None if event is None else self._world.record(event.site, event.device)
        return None if event is None or record is None else self.shut(event, record)

    def _history(self, event: IncidentEvent, site_ms: int) -> PolicyHistory:
        """Return what was done before; an incident's own action that is under way does not count against it."""
        actions = self._book.of_site(event.site, site_ms - _LOOK_BACK_MS)
        own = [action for action in actions if action.device == event.device]
        done = frozenset(action.id for action in own if action.state in FINAL)
        # Not its own: asked again before the call, an action would shut itself out by cool-down.
        counted = [action for action in actions if action.id != event.id and _counts(action)]
        return PolicyHistory(
            acted_on=done & {event.id},
            device_actions_ms=tuple(action.ts_ms for action in counted if action.device == event.device),
            site_actions_ms=tuple(action.ts_ms for action in counted),
            person_on_ms=_person_on_ms(event, own),
            rearmed_ms=self._book.rearmed_ms(event.site, event.device),
        )


def _counts(action: ActionEvent) -> bool:
    """Whatever was sent counts, and what has been claimed and may be sent at any moment."""
    return action.attempt > 0 or action.state is not ActionState.REFUSED


def _person_on_ms(event: IncidentEvent, own: list[ActionEvent]) -> int | None:
    """Return when the present run began where we had switched the device off before: we never switch on."""
    on_since_ms = event.evidence.on_since_ms
    if on_since_ms is None:
        return None
    switched_off = (action.ts_ms for action in own if action.state is ActionState.CONFIRMED and action.id != event.id)
    return on_since_ms if any(ts_ms <= on_since_ms for ts_ms in switched_off) else None
