"""From incidents and actions to notices on disk, in one short transaction; their delivery has threads of its own.

A notice is known by channel, incident and phase, so whatever is told twice after a death is noted once. Actions
are read from the database, where the actor writes each step before it tells it: no death and no other process between
them keeps a call for a person from being noted.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

from kilowatch.app.notice_delivery import NoticeDelivery, expire
from kilowatch.core.device import Stage
from kilowatch.core.notices import Phase, notice_of, phase_of, unanswered
from kilowatch.errors import KilowatchError
from kilowatch.links.database.notices import Notices
from kilowatch.links.notify import open_channels
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.config import Config
    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.database import Database, Transaction
    from kilowatch.links.edge_log import Taken
    from kilowatch.links.notify import OpenChannel
    from kilowatch.observability import Metrics

_log = logging.getLogger("kilowatch.notify")
_GATHER_AT_MOST_MS = 3_600_000
_LOOK_BACK_MS = 7 * 86_400_000
_KEPT_NOTHING = sys.maxsize
_LOOK_S = 2.0


class Notifier:
    """Keeps `kilowatch.app.edge.tap.Tap`; a service calls `start`, `told` and `close`. clock: wall, ms UTC."""

    def __init__(
        self,
        database: Database,
        channels: Sequence[OpenChannel],
        metrics: Metrics,
        gather_s: float = 60.0,
        clock: Callable[[], int] = wall_ms,
    ) -> None:
        self._database, self._channels, self._clock = database, channels, clock
        self._gather_ms = round(gather_s * 1000)
        self._called: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_looking, name="notices", daemon=True)
        self.deliveries = [NoticeDelivery(database, one, clock, metrics) for one in channels]

    def start(self) -> None:
        """Note what a process before could not, and begin to deliver."""
        expire(self._database, self._clock())
        with self._database.read() as transaction:
            open_now = [known.event for known in transaction.incidents.open()]
        self.told(open_now)
        self.look()
        for delivery in self.deliveries:
            delivery.start()
        self._thread.start()

    def told(self, events: Sequence[IncidentEvent]) -> None:
        """Note what people are to be told of incident events."""
        with self._database.begin() as transaction:
            for event in events:
                self._note(transaction, event)
        self._wake()

    def look(self) -> None:
        """Note for whom a person has to look: actions of which nobody knows whether the plug obeyed."""
        with self._database.read() as transaction:
            lost = Notices(transaction.connection).unconfirmed(self._clock() - _LOOK_BACK_MS)
        news = [action for action in lost if action.id not in self._called]
        if not news:
            return
        now_ms = self._clock()
        with self._database.begin() as transaction:
            for action in news:
                known = transaction.incidents.get(action.id)
                notice = unanswered(action, None if known is None else known.event)
                for one in self._channels:
                    Notices(transaction.connection).put(one.name, action.id, notice, now_ms, now_ms)
        # The table would ignore them too, but only within a write: one every two seconds for as long as they are young.
        self._called |= {action.id for action in news}
        self._wake()

    def open(self, log_end: int) -> int:
        """Begin, and want no messages of the log."""
        self.start()
        return log_end

    def took(self, taken: Taken) -> None:
        """Do nothing: readings are no news."""

    @property
    def kept_from(self) -> int:
        """Nothing in the log is kept for notices: they are in the database."""
        return _KEPT_NOTHING

    def close(self) -> None:
        """Let messages in hand go out, and end; what waits goes out when we are back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for delivery in self.deliveries:
            delivery.close()

    def _keep_looking(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            try:
                self.look()
            except KilowatchError as error:
                _log.warning("Actions cannot be looked at: %s", error)

    def _note(self, transaction: Transaction, event: IncidentEvent) -> None:
        phase = phase_of(event)
        known = None if phase is None else transaction.devices.get(event.site, event.device)
        if phase is None or (known is not None and known.record.stage is Stage.LEARNING):
            return
        book, now_ms = Notices(transaction.connection), self._clock()
        steps = transaction.actions.steps(event.id) if phase is Phase.ENDED else []
        notice = notice_of(event, phase, steps)
        due_ms = now_ms + (self._gather_ms if phase is Phase.HISTORY else 0)
        for one in self._channels:
            # Who was not told that it began has nothing of its end.
            if phase is Phase.ENDED and not book.has(one.name, event.id, Phase.BEGAN):
                continue
            if phase is Phase.ENDED or one.wishes.wants(event.severity):
                book.put(one.name, event.id, notice, now_ms, due_ms)
            if phase is Phase.HISTORY:
                book.postpone(one.name, phase, due_ms, _GATHER_AT_MOST_MS)

    def _wake(self) -> None:
        for delivery in self.deliveries:
            delivery.wake()


def notifier_of(config: Config, database: Database, metrics: Metrics) -> Notifier | None:
    """Return who tells people, None where the settings name no channel."""
    channels = open_channels(config)
    return Notifier(database, channels, metrics, config.notify.gather_s) if channels else None
