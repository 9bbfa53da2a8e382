"""The notices table: what each channel is to tell, has told, or could not; one row for an incident and a phase."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, select, update

from kilowatch.core.events import ActionEvent, ActionState
from kilowatch.core.notices import Notice, Phase
from kilowatch.links.database.rows import insert_into
from kilowatch.links.database.tables import actions, notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Row


class NoticeState(StrEnum):
    """How far a notice has come."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"


class WaitingNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that a channel is to deliver; tries: how often it was tried in vain."""

    incident: str
    phase: Phase
    tries: int
    made_ms: int
    notice: Notice


class Notices:
    """Notices of all channels within one transaction. Times are the wall clock, ms UTC."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, channel: str, incident: str, notice: Notice, now_ms: int, due_ms: int) -> None:
        """Let a channel tell something when it is due; one that was put before stays as it is."""
        row = {
            "channel": channel,
            "incident": incident,
            "phase": notice.phase.value,
            "state": NoticeState.WAITING.value,
            "made_ms": now_ms,
            "due_ms": due_ms,
            "tries": 0,
            "body": msgspec.json.encode(notice).decode(),
        }
        self._connection.execute(insert_into(self._connection, notices).values(row).on_conflict_do_nothing())

    def postpone(self, channel: str, phase: Phase, due_ms: int, at_most_ms: int) -> None:
        """Let all that waits of a phase be due together, at most so long after the oldest of it was made."""
        waiting = [*_of(channel), notices.c.phase == phase.value]
        oldest_ms = self._connection.execute(select(func.min(notices.c.made_ms)).where(*waiting)).scalar_one()
        if oldest_ms is not None:
            due_ms = min(due_ms, oldest_ms + at_most_ms)
            self._connection.execute(update(notices).where(*waiting).values(due_ms=due_ms))

    def has(self, channel: str, incident: str, phase: Phase) -> bool:
        """Whether a channel was to tell a phase of an incident."""
        wanted = select(notices.c.state).where(*_at(channel, incident, phase))
        return self._connection.execute(wanted).first() is not None

    def claim(self, channel: str, now_ms: int, lease_ms: int, limit: int = 10_000) -> list[WaitingNotice]:
        """Return what is due, oldest first, and keep it from everyone else for as long as the lease."""
        due = select(notices).where(*_of(channel), notices.c.due_ms <= now_ms)
        due = (
            due.order_by(notices.c.made_ms, notices.c.incident, notices.c.phase)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = [_waiting(row) for row in self._connection.execute(due)]
        for one in claimed:
            # A process that dies with them needs no clearing up: they are due again once the lease is over.
            self._change(channel, one.incident, one.phase, due_ms=now_ms + lease_ms)
        return claimed

    def sent(self, channel: str, told: Sequence[WaitingNotice], now_ms: int) -> None:
        """Note that one message told these."""
        for one in told:
            self._change(channel, one.incident, one.phase, state=NoticeState.SENT.value, sent_ms=now_ms)

    def again(self, channel: str, held: Sequence[WaitingNotice], due_ms: int, *, failed: bool) -> None:
        """Let these be told later."""
        for one in held:
            self._change(channel, one.incident, one.phase, due_ms=due_ms, tries=one.tries + failed)

    def give_up(self, channel: str, lost: Sequence[WaitingNotice]) -> None:
        """Note that these are told no more."""
        for one in lost:
            self._change(channel, one.incident, one.phase, state=NoticeState.GIVEN_UP.value)

    def messages_since(self, channel: str, since_ms: int) -> list[int]:
        """Return when a channel told something, oldest first; what people had to hear does not count."""
        wanted = (
            # One time of sending is one message, which may have told many rows.
            select(notices.c.sent_ms)
            .distinct()
            .where(
                notices.c.channel == channel,
                notices.c.state == NoticeState.SENT.value,
                notices.c.sent_ms > since_ms,
                notices.c.phase != Phase.UNANSWERED.value,
            )
        )
        return list(self._connection.execute(wanted.order_by(notices.c.sent_ms)).scalars())

    def next_due_ms(self, channel: str) -> int | None:
        """Return when a channel has something to tell, None where it has nothing."""
        wanted = select(func.min(notices.c.due_ms)).where(*_of(channel))
        return self._connection.execute(wanted).scalar_one()

    def waiting(self, channel: str) -> int:
        """Return how many notices a channel has yet to tell."""
        return self._connection.execute(select(func.count()).select_from(notices).where(*_of(channel))).scalar_one()

    def counts(self) -> dict[tuple[str, NoticeState], int]:
        """Return how many notices of each channel stand where."""
        wanted = select(notices.c.channel, notices.c.state, func.count()).group_by(notices.c.channel, notices.c.state)
        return {(channel, NoticeState(state)): count for channel, state, count in self._connection.execute(wanted)}

    def unconfirmed(self, since_ms: int) -> list[ActionEvent]:
        """Return the actions of which nobody knows whether the plug obeyed, with ts_ms > since_ms."""
        lost = actions.c.state == ActionState.UNCONFIRMED.value
        wanted = select(actions.c.body).where(lost, actions.c.ts_ms > since_ms).order_by(actions.c.ts_ms)
        return [msgspec.json.decode(body, type=ActionEvent) for body in self._connection.execute(wanted).scalars()]

    def expire(self, before_ms: int) -> None:
        """Forget what was told or given up before a time."""
        over = notices.c.state != NoticeState.WAITING.value
        self._connection.execute(delete(notices).where(over, notices.c.made_ms < before_ms))

    def _change(self, channel: str, incident: str, phase: Phase, **values: object) -> None:
        self._connection.execute(update(notices).where(*_at(channel, incident, phase)).values(**values))


def _at(channel: str, incident: str, phase: Phase) -> list[ColumnElement[bool]]:
    key = notices.c
    return [key.channel == channel, key.incident == incident, key.phase == phase.value]


def _of(channel: str) -> list[ColumnElement[bool]]:
    return [notices.c.channel == channel, notices.c.state == NoticeState.WAITING.value]


def _waiting(row: Row[tuple[object, ...]]) -> WaitingNotice:
    return WaitingNotice(
        incident=row.incident,
        phase=Phase(row.phase),
        tries=row.tries,
        made_ms=row.made_ms,
        notice=msgspec.json.decode(row.body, type=Notice),
    )
