"""One action from claim to end: read the plug, ask every interlock again, switch, read back.

1. `claimed` is on disk before anything else happens.
2. The plug is read. Off and drawing nothing: confirmed, nothing is sent.
3. Every interlock is asked again, on the record, incident and site time of this moment; a shut one refuses.
4. `sent` is on disk before the call is made.
5. The plug is told, and read until it is off and draws nothing, for a minute and three attempts at most.
6. The end is on disk: confirmed, unconfirmed or refused. Only a person goes on from there.

A process that dies between two of these leaves a book from which `run` goes on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kilowatch.app.actor.ledger import OvertakenError
from kilowatch.core.acting import FINAL, Move, Next, Standing, move
from kilowatch.core.events import ActionState
from kilowatch.errors import PlugError

if TYPE_CHECKING:
    from kilowatch.app.actor.decisions import Decisions
    from kilowatch.app.actor.ledger import Ledger
    from kilowatch.app.actor.ports import Clock
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import ActionEvent
    from kilowatch.core.ports import Plug, PlugReading

_ASK_AGAIN_S = 1.0
_log = logging.getLogger("kilowatch.actor")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the plug last said, None where it did not answer, and what went wrong."""

    plug: PlugReading | None
    trouble: str = ""


class Errand:
    """Carries one action out; calls a plug and waits for it, so it runs on a thread of its own."""

    def __init__(self, plug: Plug, record: DeviceRecord, decisions: Decisions, ledger: Ledger, clock: Clock) -> None:
        self._plug = plug
        self._record = record
        self._decisions = decisions
        self._ledger = ledger
        self._clock = clock

    def run(self, action: ActionEvent, *, interrupted: bool) -> ActionEvent:
        """Go on from an action's last step until it ends, and return its end, or where another process took it on."""
        try:
            return self._until_final(action, interrupted=interrupted)
        except OvertakenError as error:
            _log.warning("%s It is left to that process.", error)
            return self._ledger.steps(action.id)[-1]

    def _until_final(self, action: ActionEvent, *, interrupted: bool) -> ActionEvent:
        at = standing(self._ledger.steps(action.id), self._clock.now_ms() if interrupted else None)
        while action.state not in FINAL:
            seen = self._read()
            step = move(at, seen.plug, self._clock.now_ms(), self._record.off_below_w)
            action = self._take(action, step, seen)
            at = self._moved(at, action, seen)
        return action

    def _take(self, action: ActionEvent, step: Move, seen: Seen) -> ActionEvent:
        power_w = None if seen.plug is None else seen.plug.power_w
        if step.next is Next.CONFIRM:
            return self._ledger.step(action, ActionState.CONFIRMED, f"{action.why} Read back: {step.why}.", power_w)
        if step.next is Next.GIVE_UP:
            trouble = f" ({seen.trouble})" if seen.trouble else ""
            return self._ledger.step(action, ActionState.UNCONFIRMED, f"{step.why}{trouble}", power_w)
        if step.next is Next.SWITCH:
            return self._switch(action)
        self._clock.pause(_ASK_AGAIN_S)
        return action

    def _switch(self, action: ActionEvent) -> ActionEvent:
        shut = self._decisions.blocking_now(action.id)
        if shut is None or shut:
            why = "the incident or the device is gone" if shut is None else ", ".join(shut)
            state = ActionState.REFUSED if action.attempt == 0 else ActionState.UNCONFIRMED
            return self._ledger.step(action, state, f"not sent: {why}")
        sent = self._ledger.step(action, ActionState.SENT, action.why, attempt=action.attempt + 1)
        try:
            self._plug.switch_off()
        except PlugError:
            # No answer is not a refusal: the plug may have obeyed, and only reading it can tell.
            self._clock.pause(_ASK_AGAIN_S)
        return sent

    def _read(self) -> Seen:
        try:
            return Seen(self._plug.read())
        except PlugError as error:
            return Seen(None, str(error))

    def _moved(self, at: Standing, action: ActionEvent, seen: Seen) -> Standing:
        if action.attempt > at.attempt:
            # Sent by this process: what became of an attempt before it, cut off or seen to work, says nothing here.
            return Standing(action.state, action.attempt, at.claimed_ms, sent_ms=action.wall_ms)
        off = seen.plug is not None and not seen.plug.on
        return replace(at, state=action.state, seen_off=at.seen_off or off)


def standing(steps: list[ActionEvent], resumed_ms: int | None = None) -> Standing:
    """Return how far an action has come by its steps, oldest first; resumed_ms: where a process died in between."""
    last = steps[-1]
    sent = [step for step in steps if step.state is ActionState.SENT]
    return Standing(
        state=last.state,
        attempt=last.attempt,
        claimed_ms=steps[0].wall_ms if sent or resumed_ms is None else resumed_ms,
        sent_ms=sent[-1].wall_ms if sent else None,
        interrupted=resumed_ms is not None and bool(sent),
    )
