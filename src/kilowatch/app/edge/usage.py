"""What the edge's devices use, added up beside the judge and served to Prometheus.

State, offsets and days are saved in one transaction of the edge's database, now and then and with every incident or
action; what was added since is read again from the log. The log is forced to the disk first, so that the database
never knows of messages that a power cut takes.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.metrics.checkpoint import DatabaseCheckpoint
from kilowatch.app.metrics.service import SAVE_EVERY_S, TOPICS, MetricService
from kilowatch.app.metrics.units import Readings
from kilowatch.links.kafka.place import Place
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.app.actor.ports import Tell
    from kilowatch.app.metrics.ports import Registry
    from kilowatch.core.events import ActionEvent, IncidentEvent
    from kilowatch.core.tariff import Tariff
    from kilowatch.links.database import Database
    from kilowatch.links.edge_log import EdgeLog, Taken

_READINGS, _INCIDENTS, _ACTIONS = (Place(topic, 0) for topic in (Topic.DEVICES, Topic.ANOMALIES, Topic.ACTIONS))


@dataclass(frozen=True, slots=True)
class EdgeMessages:
    """Messages of one of the edge's streams, in order."""

    place: Place
    offsets: Sequence[int]
    values: Sequence[bytes]

    @property
    def next_offset(self) -> int:
        """Where reading goes on."""
        return self.offsets[-1] + 1


class EdgeSubscription:
    """Keeps `kilowatch.app.metrics.service.Subscription`: gives what was put in since the last time."""

    def __init__(self) -> None:
        self._waiting: list[EdgeMessages] = []

    def put(self, messages: EdgeMessages) -> None:
        """Add messages."""
        self._waiting.append(messages)

    def poll(self, most: int = 10_000, timeout_s: float = 0.05) -> list[EdgeMessages]:
        """Return all that there is; nothing is waited for."""
        del most, timeout_s
        waiting, self._waiting = self._waiting, []
        return waiting


class HeardActions:
    """Keeps `kilowatch.app.actor.ports.Tell`: passes on what the actor says, and notes the steps of actions."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._steps: deque[ActionEvent] = deque()

    def taken(self) -> list[ActionEvent]:
        """Return the steps since the last time."""
        # The length is asked once: what plugs' threads add meanwhile waits for the next time.
        return [self._steps.popleft() for _ in range(len(self._steps))]

    def action(self, event: ActionEvent) -> None:
        """Pass a step of an action on; plugs' threads call this."""
        self._steps.append(event)
        self._tell.action(event)

    def escalate(self, event: ActionEvent, incident: IncidentEvent | None) -> None:
        """Pass on that a person is needed."""
        self._tell.escalate(event, incident)


class EdgeUsage:
    """Keeps `Tap`. service: what a collector shows. records: who the devices are."""

    def __init__(
        self,
        database: Database,
        log: EdgeLog,
        records: Registry,
        tariff: Tariff,
        actions: HeardActions | None = None,
        save_every_s: float = SAVE_EVERY_S,
    ) -> None:
        new_readings = partial(Readings, tariff, records)
        # It never saves by itself: the log must be forced to the disk first, and a service knows of no log.
        self.service = MetricService(
            DatabaseCheckpoint(database), new_readings, time.monotonic, save_every_s=float("inf")
        )
        self._log, self._actions, self._save_every_s = log, actions, save_every_s
        self._subscription = EdgeSubscription()
        self._next = {_INCIDENTS: 0, _ACTIONS: 0}
        self._kept_from = self._seen = 0

    def open(self, log_end: int) -> int:
        """Take up what was saved; return the first message of the log that was not added up."""
        del log_end
        saved = self.service.assigned([Place(topic, 0) for topic in TOPICS])
        self._next |= {place: saved.get(place, 0) for place in self._next}
        self._kept_from = self._seen = saved.get(_READINGS, 0)
        # Numbers that were added up must not be given out again: what came under them would be passed over.
        self._log.skip_to(self._kept_from)
        return self._kept_from

    def took(self, taken: Taken) -> None:
        """Add messages up, and save where it is time."""
        self._subscription.put(EdgeMessages(_READINGS, taken.offsets, taken.values))
        self._seen = taken.offsets[-1] + 1
        acted = self._heard()
        self.service.step(self._subscription)
        # Steps of actions lie in no log: until they are saved a death would leave them uncounted.
        if acted or self.service.unsaved_s() >= self._save_every_s:
            self._save()

    def told(self, events: Sequence[IncidentEvent]) -> None:
        """Count incident events, and save at once: nobody keeps these to be read again."""
        self._put(_INCIDENTS, events)
        self.service.step(self._subscription)
        self._save()

    @property
    def kept_from(self) -> int:
        """The first message that was not saved."""
        return self._kept_from

    def close(self) -> None:
        """Save."""
        self._heard()
        self.service.step(self._subscription)
        self._save()

    def _heard(self) -> bool:
        steps = [] if self._actions is None else self._actions.taken()
        self._put(_ACTIONS, steps)
        return bool(steps)

    def _put(self, place: Place, events: Sequence[IncidentEvent | ActionEvent]) -> None:
        if events:
            first = self._next[place]
            self._next[place] = first + len(events)
            values = [msgspec.json.encode(event) for event in events]
            self._subscription.put(EdgeMessages(place, range(first, first + len(events)), values))

    def _save(self) -> None:
        self._log.sync()
        self.service.save()
        self._kept_from = self._seen
