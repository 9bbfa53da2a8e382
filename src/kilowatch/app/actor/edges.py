"""The cloud's way to edges: intents go down to the side that owns the switch, its answers and incidents come up.

What comes up is put into the database, and leaves for Kafka, before the broker is told that it may forget it. It may
come twice: steps are known by incident and version.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kilowatch.app.actor.ledger import action_entry
from kilowatch.core.device import ActsBy
from kilowatch.core.events import WIRE_V, ActionEvent, ActionState, IncidentEvent
from kilowatch.core.policy import EXPIRES_MS
from kilowatch.core.wire import UNREADABLE
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.mqtt.post import ACTIONS, INCIDENTS, INTENTS, topic_of, topic_of_all

if TYPE_CHECKING:
    from kilowatch.app.actor.ports import ActionBook, Tell, World
    from kilowatch.core.events import Intent
    from kilowatch.links.database import Database
    from kilowatch.links.mqtt.post import Letter, MqttPost

_log = logging.getLogger("kilowatch.actor")
_Event = TypeVar("_Event", ActionEvent, IncidentEvent)
ALL_EDGES = (topic_of_all(ACTIONS), topic_of_all(INCIDENTS))
"""What the cloud's actor listens to."""


class Edges:
    """Keeps `kilowatch.app.actor.ports.Courier`. post: listens to `ALL_EDGES`."""

    def __init__(self, post: MqttPost, database: Database, book: ActionBook, world: World, tell: Tell) -> None:
        self._post = post
        self._database = database
        self._book = book
        self._world = world
        self._tell = tell
        self._encode = msgspec.json.Encoder().encode

    def ask(self, intent: Intent) -> None:
        """Let an intent travel down; the broker drops it once it is worth nothing."""
        self._post.send(topic_of(intent.site, INTENTS), self._encode(intent), EXPIRES_MS // 1000)

    def turn(self) -> None:
        """Keep what has come up; `ComponentError`, and it comes again, where the database is away."""
        for letter in self._post.letters():
            if letter.topic.endswith(f"/{ACTIONS}"):
                self._answered(letter)
            else:
                self._told(letter)
            self._post.done(letter)

    def close(self) -> None:
        """End the connection."""
        self._post.close()

    def _answered(self, letter: Letter) -> None:
        action = _read(letter, ActionEvent, ACTIONS)
        if action is None:
            return
        record = self._world.record(action.site, action.device)
        if record is None or record.acts_by is not ActsBy.EDGE or action.acts_by is not ActsBy.EDGE:
            _log.warning("An edge speaks of %s/%s, whose switch is not its own.", action.site, action.device)
            return
        incident = self._world.incident(action.id)
        line = msgspec.structs.replace(action_entry(action, incident), who="edge")
        # Only where the step is new: an edge tells its steps again after every break, and a person is called once.
        if self._book.write(action, line) and action.state is ActionState.UNCONFIRMED:
            self._tell.escalate(action, incident)

    def _told(self, letter: Letter) -> None:
        event = _read(letter, IncidentEvent, INCIDENTS)
        if event is not None:
            with self._database.begin() as transaction:
                # The bytes as they came: what a newer edge says beside our fields stays in them for newer readers.
                transaction.outbox.put(Topic.ANOMALIES, event.site, event.site, letter.payload)


def _read(letter: Letter, kind: type[_Event], what: str) -> _Event | None:
    """Return what a letter says; None where it cannot be read, or speaks of another site than its topic."""
    try:
        event = msgspec.json.decode(letter.payload, type=kind)
    except UNREADABLE as error:
        _log.warning("A message on %s cannot be read: %s", letter.topic, error)
        return None
    if event.v > WIRE_V or letter.topic != topic_of(event.site, what):
        _log.warning("A message on %s is of version %d and of site %s: it is left.", letter.topic, event.v, event.site)
        return None
    return event
