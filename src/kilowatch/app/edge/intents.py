"""The edge's way to the cloud about switching: intents come down, every step of what is done about them goes up.

1. An intent comes, and stays with the broker until it is answered.
2. The actor asks the edge's own interlocks, on what the edge knows; where time alone may open them, again each second.
3. It claims the incident's one action, or refuses; both are in the edge's book before they are told.
4. Steps go up as they happen, and once more the last of each whenever the broker is back: links are cut.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import WIRE_V, Intent
from kilowatch.core.wire import UNREADABLE
from kilowatch.links.database.action_book import DatabaseActionBook
from kilowatch.links.mqtt.post import ACTIONS, INTENTS, topic_of
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.actor.actor import Actor
    from kilowatch.app.actor.ports import ActionBook, Tell
    from kilowatch.app.edge.build import Ground
    from kilowatch.app.edge.world import EdgeWorld
    from kilowatch.config import Config
    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.links.mqtt.post import Letter, MqttPost

_ASK_S = 1.0
_TOLD_AGAIN_MS = 7 * 86_400_000
_REMEMBER_MS = 600_000
_log = logging.getLogger("kilowatch.edge")


def post_of(config: Config) -> MqttPost | None:
    """Return the connection by which cloud and edge agree on switching, begun; None where the settings name none."""
    label, site = config.policy.broker, config.site.name
    if label is None:
        return None
    from kilowatch.links.mqtt.post import MqttPost

    broker = config.sources.mqtt[label]
    name = broker.client_id or f"kilowatch-{site}-{label}"
    post = MqttPost(label, broker, f"{name}-hand", [topic_of(site, INTENTS)])
    post.start()
    return post


def intents_of(config: Config, post: MqttPost, ground: Ground) -> Intents:
    """Return what hears the cloud on the ground of an edge."""
    book = DatabaseActionBook(ground.database)
    return Intents(config.site.name, post, book, ground.world, wall_ms)


class AnsweringTell:
    """Keeps `kilowatch.app.actor.ports.Tell`: passes on what the actor says, and lets each step go up."""

    def __init__(self, tell: Tell, post: MqttPost) -> None:
        self._tell = tell
        self._post = post

    def action(self, event: ActionEvent) -> None:
        """Let a step go up; plugs' threads call this."""
        self._post.send(topic_of(event.site, ACTIONS), msgspec.json.encode(event))
        self._tell.action(event)

    def escalate(self, event: ActionEvent, incident: IncidentEvent | None) -> None:
        """Pass on that a person is needed."""
        self._tell.escalate(event, incident)


@dataclass(frozen=True, slots=True)
class _Open:
    intent: Intent
    letter: Letter


class Intents:
    """What the cloud wants of this site. clock: event time, ms UTC."""

    def __init__(self, site: str, post: MqttPost, book: ActionBook, world: EdgeWorld, clock: Callable[[], int]) -> None:
        self._site = site
        self._post = post
        self._book = book
        self._world = world
        self._clock = clock
        self._open: dict[str, _Open] = {}
        self._foreign: dict[str, int] = {}
        self._ask_at = 0.0

    def turn(self, actor: Actor) -> None:
        """Take intents, answer those that can be answered, and tell again what may have been lost."""
        fresh = [letter for letter in self._post.letters() if not self._is_open(letter)]
        # What can never be answered is acknowledged, or the broker would bring it again after every break.
        for letter in fresh:
            self._post.done(letter)
        if time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + _ASK_S
        if self._post.is_back():
            for step in self._book.of_site(self._site, self._clock() - _TOLD_AGAIN_MS):
                self._post.send(topic_of(self._site, ACTIONS), msgspec.json.encode(step))
        for waiting in list(self._open.values()):
            self._learn_of(waiting.intent)
            if actor.answer(waiting.intent):
                self._post.done(waiting.letter)
                del self._open[waiting.intent.id]
        self._forget()

    def close(self) -> None:
        """End the connection; what was not answered comes again."""
        self._post.close()

    def _is_open(self, letter: Letter) -> bool:
        """Keep an intent to be answered; False where it cannot be one of this site's."""
        try:
            intent = msgspec.json.decode(letter.payload, type=Intent)
        except UNREADABLE as error:
            _log.warning("An intent cannot be read: %s", error)
            return False
        if intent.v > WIRE_V or intent.site != self._site:
            _log.warning("An intent of version %d for site %s is left.", intent.v, intent.site)
            return False
        before = self._open.get(intent.id)
        if before is not None:
            # Asked again while the answer waits: the newer letter stands for both, and is with the broker until then.
            self._post.done(before.letter)
        self._open[intent.id] = _Open(intent, letter)
        return True

    def _learn_of(self, intent: Intent) -> None:
        """Let the actor see an incident that only the cloud has found."""
        if intent.incident is not None and self._world.incident(intent.id) is None:
            self._world.saw(intent.incident)
            self._foreign[intent.id] = self._clock()

    def _forget(self) -> None:
        before_ms = self._clock() - _REMEMBER_MS
        for incident in [incident for incident, since_ms in self._foreign.items() if since_ms < before_ms]:
            del self._foreign[incident]
            self._world.forget(incident)
