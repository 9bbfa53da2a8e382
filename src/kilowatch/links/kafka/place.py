"""A partition of a topic, in our words and in the library's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kilowatch.links.kafka.client import kafka

if TYPE_CHECKING:
    from collections.abc import Mapping


class Place(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


def handle(place: Place, offset: int | None = None) -> Any:
    """Return the library's word for a place, with an offset or none."""
    library = kafka()
    return library.TopicPartition(
        str(place.topic), place.partition, library.OFFSET_INVALID if offset is None else offset
    )


def handles(offsets: Mapping[Place, int]) -> list[Any]:
    """Return the library's words for places with offsets."""
    return [handle(place, offset) for place, offset in offsets.items()]


def place_of(found: Any) -> Place:
    """Return the place that the library means."""
    return Place(found.topic, found.partition)
