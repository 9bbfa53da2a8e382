"""Takes one channel's notices from the database to people, tries again what failed, and says no more than is wanted.

1. What is due is claimed for a while: who dies with it in hand leaves it to be claimed again.
2. It is sent, and noted as sent. A death between the two sends it twice, under the same id.
3. What failed waits in the table, longer each time; whoever has to look at a plug is told for as long as it takes.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.core.notices import Phase, digest, history
from kilowatch.errors import KilowatchError
from kilowatch.links.database.notices import Notices
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.core.notices import Notice
    from kilowatch.links.database import Database
    from kilowatch.links.database.notices import WaitingNotice
    from kilowatch.links.notify import OpenChannel
    from kilowatch.observability import Metrics

_log = logging.getLogger("kilowatch.notify")
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_LEASE_MS = 120_000
_ONE_BY_ONE = 3
"""More than so many that are due at once come in one message."""
_GIVE_UP_MS = 3 * _DAY_MS
_KEEP_MS = 90 * _DAY_MS
_LOOK_S = 30.0


@dataclass(frozen=True, slots=True)
class Pauses:
    """Between two tries: the first, doubled each time up to the longest, ms; urgent: where a plug did not obey."""

    first_ms: int = 10_000
    longest_ms: int = 900_000
    urgent_longest_ms: int = 120_000

    def after(self, tries: int, phase: Phase) -> int:
        """Return how long to wait after so many tries."""
        longest = self.urgent_longest_ms if phase is Phase.UNANSWERED else self.longest_ms
        return int(min(self.first_ms * 2 ** min(tries, 20), longest))


class NoticeDelivery:
    """One channel's thread. clock: the wall clock, ms UTC."""

    def __init__(
        self,
        database: Database,
        to: OpenChannel,
        clock: Callable[[], int],
        metrics: Metrics,
        pauses: Pauses | None = None,
    ) -> None:
        self._database, self._to, self._clock = database, to, clock
        self._pauses = pauses or Pauses()
        self._outcomes = metrics.counter("kilowatch_notices_total")
        self._waiting = metrics.gauge("kilowatch_notices_waiting").labels(to.name)
        self._presence = Presence(_log, "channel")
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"notify {to.name}", daemon=True)

    def start(self) -> None:
        """Deliver what is due, now and from now on."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something new."""
        self._wake.set()

    def close(self) -> None:
        """Finish the message in hand and end; what waits is on disk."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._to.channel.close()

    def turn(self) -> None:
        """Deliver what is due."""
        now_ms, name = self._clock(), self._to.name
        with self._database.begin() as transaction:
            due = Notices(transaction.connection).claim(name, now_ms, _LEASE_MS)
        for place, group in enumerate(groups := _grouped(due)):
            if not self._deliver(group):
                # A channel that takes nothing now would refuse these too: not tried, they must not wait longer for it.
                self._put_off([one for rest in groups[place + 1 :] for one in rest], tried=False)
                break
        with self._database.read() as transaction:
            self._waiting.set(Notices(transaction.connection).waiting(name))

    def _deliver(self, group: Sequence[WaitingNotice]) -> bool:
        """Send one message where there is room for it; False where the channel does not take any now."""
        room_ms = self._room_ms()
        if room_ms > self._clock() and group[0].phase is not Phase.UNANSWERED:
            self._hold(group, room_ms)
            return True
        try:
            self._to.channel.send(_told_as(group))
        except KilowatchError as error:
            self._presence.lost(self._to.name, f"{error} {error.hint}")
            self._put_off(group, tried=True)
            self._outcomes.labels(self._to.name, "failed").inc()
            return False
        self._presence.back(self._to.name)
        with self._database.begin() as transaction:
            Notices(transaction.connection).sent(self._to.name, group, self._clock())
        self._outcomes.labels(self._to.name, "sent").inc()
        return True

    def _put_off(self, group: Sequence[WaitingNotice], *, tried: bool) -> None:
        """Try these again later; what waits for days already is given up."""
        now_ms, name = self._clock(), self._to.name
        lost = [one for one in group if _is_stale(one, now_ms)]
        with self._database.begin() as transaction:
            book = Notices(transaction.connection)
            book.give_up(name, lost)
            for one in group:
                if one not in lost:
                    book.again(name, [one], now_ms + self._pauses.after(one.tries, one.phase), failed=tried)
        if lost:
            self._outcomes.labels(name, "given_up").inc(len(lost))
            _log.error("%d notices could not be told by %s for three days and are given up.", len(lost), name)

    def _hold(self, group: Sequence[WaitingNotice], due_ms: int) -> None:
        if group:
            with self._database.begin() as transaction:
                Notices(transaction.connection).again(self._to.name, group, due_ms, failed=False)

    def _room_ms(self) -> int:
        """Return from when on one more message is within the hour's limit."""
        with self._database.read() as transaction:
            told = Notices(transaction.connection).messages_since(self._to.name, self._clock() - _HOUR_MS)
        most = self._to.wishes.most_per_hour
        # At the limit there is room again once the first of the last `most` messages is an hour old.
        return 0 if len(told) < most else told[-most] + _HOUR_MS

    def _run(self) -> None:
        while not self._stopping.is_set():
            # Cleared before the look: what is noted while it goes on is looked for again at once.
            self._wake.clear()
            try:
                self.turn()
                pause_s = self._pause_s()
            except KilowatchError as error:
                _log.warning("Notices wait: %s", error)
                pause_s = _LOOK_S
            self._wake.wait(pause_s)

    def _pause_s(self) -> float:
        with self._database.read() as transaction:
            due_ms = Notices(transaction.connection).next_due_ms(self._to.name)
        return _LOOK_S if due_ms is None else min(max((due_ms - self._clock()) / 1000, 0.1), _LOOK_S)


def expire(database: Database, now_ms: int) -> None:
    """Forget what was told long ago."""
    with database.begin() as transaction:
        Notices(transaction.connection).expire(now_ms - _KEEP_MS)


def _is_stale(one: WaitingNotice, now_ms: int) -> bool:
    return one.phase is not Phase.UNANSWERED and now_ms - one.made_ms > _GIVE_UP_MS


def _grouped(due: Sequence[WaitingNotice]) -> list[list[WaitingNotice]]:
    """Return what goes out together, the most urgent first."""
    urgent = [[one] for one in due if one.phase is Phase.UNANSWERED]
    past = [one for one in due if one.phase is Phase.HISTORY]
    others = [one for one in due if one.phase not in {Phase.UNANSWERED, Phase.HISTORY}]
    ordinary = [[one] for one in others] if len(others) <= _ONE_BY_ONE else [others]
    return [*urgent, *ordinary, *([past] if past else [])]


def _told_as(group: Sequence[WaitingNotice]) -> Notice:
    notices = [one.notice for one in group]
    if group[0].phase is Phase.HISTORY:
        return history(notices)
    return notices[0] if len(notices) == 1 else digest(notices)
