"""Incidents in, one action each at most."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from kilowatch.app.actor.decisions import Decisions
from kilowatch.app.actor.errand import Errand
from kilowatch.app.actor.ledger import Ledger
from kilowatch.core.events import ActionState, Intent, Want
from kilowatch.core.policy import decide

if TYPE_CHECKING:
    from kilowatch.app.actor.ports import ActionBook, Clock, Plugs, Tell, World
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.core.policy import PolicyRules

_AT_ONCE = 8
"""Plugs that are called at the same time: one that does not answer must not hold up another."""


class Actor:
    """Decides on every incident that it hears of, and carries out what is to be done on threads of its own."""

    def __init__(
        self, book: ActionBook, world: World, plugs: Plugs, tell: Tell, clock: Clock, rules: PolicyRules
    ) -> None:
        self._world = world
        self._plugs = plugs
        self._book = book
        self._clock = clock
        self._decisions = Decisions(book, world, rules)
        self._ledger = Ledger(book, world, tell, clock, rules.side)
        self._said: dict[str, tuple[Want, tuple[str, ...]]] = {}
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="plug")
        self._under_way: dict[str, Future[ActionEvent]] = {}

    def resume(self) -> None:
        """Go on with what a process that died had begun; call it before the first incident is heard."""
        for action in self._book.unfinished():
            record = self._world.record(action.site, action.device)
            if record is None:
                self._ledger.step(action, _abandoned(action), "the device is gone")
            else:
                self._send(action, record, interrupted=True)

    def hear(self, event: IncidentEvent) -> Intent | None:
        """Decide on an incident's latest event; return what is wanted where that is news."""
        record = self._world.record(event.site, event.device)
        if record is None or event.id in self._under_way or self._book.steps(event.id):
            return None
        case = self._decisions.case(event, record)
        intent = decide(case)
        if self._said.get(event.id) == (intent.want, intent.blocked):
            return None
        self._said[event.id] = intent.want, intent.blocked
        if intent.want is Want.SWITCH_OFF:
            self._send(self._ledger.claim(intent, event, case.at.site_ms), record, interrupted=False)
        else:
            self._ledger.decided(intent, event, case.at.site_ms)
        return intent

    def forget(self, incident: str) -> None:
        """Drop what was said of an incident that is over for good."""
        self._said.pop(incident, None)
        done = self._under_way.get(incident)
        if done is not None and done.done():
            del self._under_way[incident]

    def wait(self, seconds: float | None = None) -> None:
        """Wait until every action that is under way has come to its end; raise what went wrong in one."""
        for future in list(self._under_way.values()):
            future.result(seconds)

    def close(self) -> None:
        """Wait for what is under way and let the threads go."""
        self._threads.shutdown(wait=True)

    def _send(self, action: ActionEvent, record: DeviceRecord, *, interrupted: bool) -> None:
        plug = self._plugs.plug_of(record)
        if plug is None:
            self._ledger.step(action, _abandoned(action), f"{record.device} has no plug that can be switched")
            return
        errand = Errand(plug, record, self._decisions, self._ledger, self._clock)
        self._under_way[action.id] = self._threads.submit(errand.run, action, interrupted=interrupted)


def _abandoned(action: ActionEvent) -> ActionState:
    """An action that was never sent is refused; of one that was, nobody knows."""
    return ActionState.REFUSED if action.attempt == 0 else ActionState.UNCONFIRMED
