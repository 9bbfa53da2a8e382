"""The committed offsets of a group that nobody is a member of: for work that is done now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kilowatch.links.kafka.client import kafka, kafka_errors, patiently
from kilowatch.links.kafka.outage import Outage
from kilowatch.links.kafka.place import Place, handle, place_of
from kilowatch.links.kafka.settings import reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kilowatch.links.kafka.settings import Access

_TIMEOUT_S = 30.0


class GroupOffsets:
    """Where a group goes on."""

    def __init__(self, access: Access, group: str) -> None:
        self.group = group
        with kafka_errors("connecting"):
            self._consumer = kafka().Consumer(reading(access, group) | Outage(group).options())

    def committed(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the committed offset of each partition, those without one left out."""
        wanted = [handle(place) for place in places]
        found = patiently("reading committed offsets", lambda: self._consumer.committed(wanted, timeout=_TIMEOUT_S))
        return {place_of(one): one.offset for one in found if one.offset >= 0}

    @property
    def membership(self) -> Any:
        """What a transactional writer needs to commit offsets for this group."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()
