"""Reads topics as a member of a group: batches by partition, and hooks for when partitions come and go."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from kilowatch.errors import ComponentError
from kilowatch.links.kafka.client import kafka, kafka_errors, patiently, translated
from kilowatch.links.kafka.forsaken import Silence, is_forsaken
from kilowatch.links.kafka.outage import Outage
from kilowatch.links.kafka.place import Place, handle, handles, place_of
from kilowatch.links.kafka.settings import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kilowatch.links.kafka.settings import Access, Pace

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class PartitionBatch:
    """Messages of one partition in their order.

    keys, values: as they were written, None for a message without. offsets: of each. appended_ms: when the broker
    or, as the topic is set, the writer stamped each, ms UTC.
    """

    place: Place
    keys: list[bytes | None]
    values: list[bytes]
    offsets: list[int]
    appended_ms: list[int]

    @property
    def next_offset(self) -> int:
        """Where reading goes on once all of these are done with."""
        return self.offsets[-1] + 1


@dataclass(frozen=True, slots=True)
class Hooks:
    """What happens when partitions come and go; each is called within `poll`, on its thread.

    assigned: returns the offset to begin at for those where it is known better than the group does.
    revoked: still ours, for the last time. lost: another has them already, so that nothing may be committed.
    """

    assigned: Callable[[list[Place]], Mapping[Place, int]]
    revoked: Callable[[list[Place]], None]
    lost: Callable[[list[Place]], None]


def _nothing_known(places: list[Place]) -> Mapping[Place, int]:
    del places
    return {}


def _nothing_done(places: list[Place]) -> None:
    del places


NO_HOOKS = Hooks(_nothing_known, _nothing_done, _nothing_done)


class Reader:
    """One member of a consumer group. Not for several threads."""

    def __init__(
        self,
        access: Access,
        group: str,
        topics: Sequence[str],
        hooks: Hooks = NO_HOOKS,
        pace: Pace | None = None,
    ) -> None:
        self.group = group
        self._access = access
        self._hooks = hooks
        self._silence = Silence()
        self._outage = Outage(f"reader of {group}")
        with kafka_errors("connecting"):
            self._consumer = kafka().Consumer(reading(access, group, pace) | self._outage.options())
            self._consumer.subscribe(
                [str(topic) for topic in topics],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )

    def poll(self, most: int = 10_000, timeout_s: float = 0.05) -> list[PartitionBatch]:
        """Return what came within timeout_s, at most `most` messages; it waits until one of both is reached.

        `ComponentError` where the broker refuses, or answers others and this client no more; that it is away for a
        while is no error.
        """
        with kafka_errors("reading"):
            messages = self._consumer.consume(most, timeout_s)
        if messages:
            # The library tells when all brokers are gone, and never when one is back: a message proves it.
            self._outage.heard()
            self._silence.ends()
        elif self._silence.is_long() and is_forsaken(self._consumer, self._access):
            raise ComponentError(
                f"Kafka answers, and this client of it no more (reader of {self.group}).",
                "It is begun anew by itself; where that comes again and again, look at the broker's log.",
            )
        return _by_partition(sound(messages))

    def committed(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the group's committed offset of each partition, those without one left out."""
        wanted = [handle(place) for place in places]
        found = patiently("reading committed offsets", lambda: self._consumer.committed(wanted, timeout=_TIMEOUT_S))
        return {place_of(one): one.offset for one in found if one.offset >= 0}

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """Commit where the group goes on, outside of a transaction, and wait for it."""
        wanted = handles(offsets)
        done = patiently("committing offsets", lambda: self._consumer.commit(offsets=wanted, asynchronous=False))
        for one in done or ():
            if one.error is not None:
                raise translated(one.error, f"committing the offset of {one.topic}/{one.partition}")

    def places(self) -> list[Place]:
        """Return the partitions that are ours now."""
        with kafka_errors("asking for partitions"):
            return [place_of(one) for one in self._consumer.assignment()]

    def lag(self) -> dict[Place, int]:
        """Return how many messages lie ahead in each partition of ours, where the first fetch has told already."""
        with kafka_errors("asking for lag"):
            positions = self._consumer.position(self._consumer.assignment())
            # Cached: what the last fetch told. To ask for each partition would be a round trip for each.
            ends = [self._consumer.get_watermark_offsets(one, cached=True)[1] for one in positions]
        known = ((place_of(one), end - one.offset) for one, end in zip(positions, ends, strict=True) if one.offset >= 0)
        return {place: max(0, ahead) for place, ahead in known}

    def bounds(self, place: Place) -> tuple[int, int]:
        """Return a partition's first offset and the one after its last, asked of the broker now."""
        ask = self._consumer.get_watermark_offsets
        low, high = patiently("asking for offsets", lambda: ask(handle(place), timeout=_TIMEOUT_S))
        return low, high

    def pause(self, places: Iterable[Place]) -> None:
        """Fetch nothing more of these partitions until `resume`."""
        with kafka_errors("pausing"):
            self._consumer.pause([handle(place) for place in places])

    def resume(self, places: Iterable[Place]) -> None:
        """Go on fetching these partitions."""
        with kafka_errors("resuming"):
            self._consumer.resume([handle(place) for place in places])

    def seek(self, place: Place, offset: int) -> None:
        """Go on reading a partition of ours at an offset."""
        with kafka_errors("seeking"):
            self._consumer.seek(handle(place, offset))

    @property
    def membership(self) -> Any:
        """What a transactional writer needs to commit offsets for this group."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave the group, so that others take over at once; `revoked` is called for what is held."""
        with kafka_errors("leaving the group"):
            self._consumer.close()

    def _on_assign(self, consumer: Any, partitions: list[Any]) -> None:
        known = self._hooks.assigned([place_of(one) for one in partitions])
        for one in partitions:
            one.offset = known.get(place_of(one), one.offset)
        # The cooperative protocol names only what is new; `assign` would drop what we hold already.
        consumer.incremental_assign(partitions)

    def _on_revoke(self, consumer: Any, partitions: list[Any]) -> None:
        del consumer
        # The library gives them back once this returns: until then nobody else has them.
        self._hooks.revoked([place_of(one) for one in partitions])

    def _on_lost(self, consumer: Any, partitions: list[Any]) -> None:
        del consumer
        self._hooks.lost([place_of(one) for one in partitions])


def sound(messages: list[Any]) -> list[Any]:
    """Return the messages without news of the connection; a refusal that will not pass by itself is raised."""
    good = [message for message in messages if message.error() is None]
    for message in messages if len(good) < len(messages) else ():
        error = message.error()
        if error is not None and (error.fatal() or error.name() in _REFUSALS):
            raise translated(error, "reading")
    return good


# What no waiting mends; _MAX_POLL_EXCEEDED: our partitions have gone, and the service has to begin anew.
_REFUSALS = frozenset(
    {
        "TOPIC_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "UNKNOWN_TOPIC_OR_PART",
        "_AUTHENTICATION",
        "_MAX_POLL_EXCEEDED",
    }
)


def _by_partition(messages: list[Any]) -> list[PartitionBatch]:
    runs: dict[Place, list[Any]] = {}
    # Fetches come in long runs of one partition: a list grows once a run, not once a message.
    for (topic, partition), run in groupby(messages, lambda message: (message.topic(), message.partition())):
        runs.setdefault(Place(topic, partition), []).extend(run)
    return [_batch(place, run) for place, run in runs.items()]


def _batch(place: Place, messages: list[Any]) -> PartitionBatch:
    return PartitionBatch(
        place,
        [message.key() for message in messages],
        [message.value() or b"" for message in messages],
        [message.offset() for message in messages],
        [message.timestamp()[1] for message in messages],
    )
