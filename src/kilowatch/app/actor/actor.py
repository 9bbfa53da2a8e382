"""Incidents in, one action each at most."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.actor.decisions import Decisions
from kilowatch.app.actor.errand import Errand
from kilowatch.app.actor.ledger import Ledger, OvertakenError
from kilowatch.core.device import ActsBy
from kilowatch.core.events import ActionEvent, ActionState, Intent, Want
from kilowatch.core.policy import Interlock, decide

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.actor.ports import ActionBook, Clock, Courier, Plugs, Tell, World
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.policy import PolicyRules

_AT_ONCE = 8
"""Plugs that are called at the same time: one that does not answer must not hold up another."""
PASSING = frozenset(
    {Interlock.MINIMUM_ON, Interlock.STALE, Interlock.COOL_DOWN, Interlock.SITE_RATE, Interlock.PERSON_ON}
)
"""Interlocks that open by themselves or by a person's word, without news of the incident."""
_GROWING = frozenset({Interlock.NOT_CRITICAL, Interlock.ONE_WINDOW, Interlock.DRAWS_LITTLE})
"""Interlocks that more readings may open: what this side has seen of the incident may lag behind the other's."""


class Actor:
    """Decides on every incident that it hears of, and carries out what is to be done on threads of its own.

    courier: takes intents to the edges that own their switches, None where nobody does.
    """

    def __init__(
        self,
        book: ActionBook,
        world: World,
        plugs: Plugs,
        tell: Tell,
        clock: Clock,
        rules: PolicyRules,
        courier: Courier | None = None,
    ) -> None:
        self._world = world
        self._plugs = plugs
        self._book = book
        self._tell = tell
        self._clock = clock
        self._side = rules.side
        self._decisions = Decisions(book, world, rules)
        self._ledger = Ledger(book, world, tell, clock, rules.side)
        self._courier = courier
        self._said: dict[str, tuple[Want, tuple[str, ...]]] = {}
        self._asked: dict[str, Intent] = {}
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="plug")
        self._under_way: dict[str, Future[ActionEvent]] = {}

    def resume(self, is_ours: Callable[[str], bool] = lambda _: True) -> None:
        """Go on with what a process that died had begun, at the sites that are ours.

        Call it before the first incident of these sites is heard.
        """
        for action in self._book.unfinished():
            # The cloud's book also holds what edges did, and those are theirs to end.
            if action.acts_by is not self._side or action.id in self._under_way or not is_ours(action.site):
                continue
            record = self._world.record(action.site, action.device)
            if record is None:
                self._end(action, "the device is gone")
            else:
                self._send(action, record, interrupted=True)

    def hear(self, event: IncidentEvent) -> Intent | None:
        """Decide on an incident's latest event; return what is wanted where that is news.

        Raises what went wrong in an action that has ended: whoever goes on as if nothing was would leave it half done.
        """
        self._raise_failures()
        record = self._world.record(event.site, event.device)
        # The book alone would tell: what is under way is asked first because that costs no question to the database.
        if record is None or event.id in self._under_way or self._book.steps(event.id):
            return None
        side = self._who_acts(record)
        case = self._decisions.case(event, record, side)
        intent = decide(case)
        if self._said.get(event.id) == (intent.want, intent.blocked):
            return None
        # After a restart the first decision may stand in the audit already, and is not written there a second time.
        is_first = event.id not in self._said
        self._said[event.id] = intent.want, intent.blocked
        if intent.want is Want.SWITCH_OFF and side is self._side:
            self._act(intent, event, record, case.at.site_ms)
        elif intent.want is Want.SWITCH_OFF:
            self._ask(intent, event, case.at.site_ms)
        elif not (is_first and self._ledger.said_before(intent)):
            self._ledger.decided(intent, event, case.at.site_ms)
        return intent

    def answer(self, intent: Intent) -> bool:
        """Decide on what another side wants of a device of ours; False where that has to be asked again a little later.

        What we know of the incident ourselves counts for more than what travelled with the intent. A refusal is the end
        of the incident's one action on both sides: reopened, it could be acted on twice across a link that is cut. So
        nothing is refused while the intent lives and time, a person or more readings may open what is shut.
        """
        told = self._book.steps(intent.id)
        # Asked again, the other side has not heard the answer: its steps go up once more.
        for step in told:
            self._tell.action(step)
        event = self._world.incident(intent.id) or intent.incident
        if told or event is None or intent.id in self._under_way or intent.want is not Want.SWITCH_OFF:
            return True
        record = self._world.record(intent.site, intent.device)
        at = self._world.moment(intent.site, intent.device)
        if record is None:
            self._ledger.refuse(intent, event, at.site_ms, "not sent: the device is not known here")
            return True
        shut = self._decisions.shut(event, record)
        is_expired = at.site_ms > intent.expires_ms
        if shut and not is_expired and (PASSING | _GROWING).issuperset(shut):
            return False
        if shut or is_expired:
            why = ", ".join(dict.fromkeys([*shut, *([Interlock.EXPIRED] if is_expired else [])]))
            self._ledger.refuse(intent, event, at.site_ms, f"not sent: {why}")
        else:
            self._act(intent, event, record, at.site_ms)
        return True

    def waiting(self) -> list[str]:
        """Return the incidents on which `hear` may decide otherwise by and by, without news of them."""
        return [incident for incident, (_, blocked) in self._said.items() if blocked and PASSING.issuperset(blocked)]

    def sweep(self) -> None:
        """Raise what went wrong in an action that has ended, and note intents that nobody has answered in time."""
        self._raise_failures()
        for intent in list(self._asked.values()):
            at = self._world.moment(intent.site, intent.device)
            if self._book.steps(intent.id):
                del self._asked[intent.id]
            elif at.site_ms > intent.expires_ms and intent.incident is not None:
                del self._asked[intent.id]
                self._ledger.unanswered(intent.incident, at.site_ms)

    def forget(self, incident: str) -> None:
        """Drop what was said of an incident that is over for good."""
        self._said.pop(incident, None)
        done = self._under_way.get(incident)
        # What went wrong stays until it is raised, or the action would hang half done until a restart.
        if done is not None and done.done() and done.exception() is None:
            del self._under_way[incident]

    def wait(self, seconds: float | None = None) -> None:
        """Wait until every action that is under way has come to its end; raise what went wrong in one."""
        for future in list(self._under_way.values()):
            future.result(seconds)

    def close(self) -> None:
        """Wait for what is under way and let the threads go."""
        self._threads.shutdown(wait=True)

    def _raise_failures(self) -> None:
        for incident, future in list(self._under_way.items()):
            if future.done():
                del self._under_way[incident]
                # Let go of before it raises: `resume` can take the action on, and nobody is told twice.
                future.result()

    def _who_acts(self, record: DeviceRecord) -> ActsBy:
        """Return the side whose interlocks are asked: an edge's, where there is a way to tell it; else our own."""
        return ActsBy.EDGE if self._courier is not None and record.acts_by is ActsBy.EDGE else self._side

    def _ask(self, intent: Intent, event: IncidentEvent, site_ms: int) -> None:
        travelling = msgspec.structs.replace(intent, incident=event)
        self._asked[intent.id] = travelling
        self._ledger.asked(intent, event, site_ms)
        if self._courier is not None:
            self._courier.ask(travelling)

    def _act(self, intent: Intent, event: IncidentEvent, record: DeviceRecord, site_ms: int) -> None:
        try:
            # Whoever writes the first step has the incident's one action: another process that was first ends it.
            claimed = self._ledger.claim(intent, event, site_ms)
        except OvertakenError:
            return
        self._send(claimed, record, interrupted=False)

    def _send(self, action: ActionEvent, record: DeviceRecord, *, interrupted: bool) -> None:
        plug = self._plugs.plug_of(record)
        if plug is None:
            self._end(action, f"{record.device} has no plug that can be switched")
            return
        errand = Errand(plug, record, self._decisions, self._ledger, self._clock)
        self._under_way[action.id] = self._threads.submit(errand.run, action, interrupted=interrupted)

    def _end(self, action: ActionEvent, why: str) -> None:
        """An action that was never sent is refused; of one that was, nobody knows."""
        state = ActionState.REFUSED if action.attempt == 0 else ActionState.UNCONFIRMED
        try:
            self._ledger.step(action, state, why)
        except OvertakenError:
            return
