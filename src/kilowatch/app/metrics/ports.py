"""What the metric processor asks of the world: messages by partition, a place to keep state, device records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.history import NamedBuckets
    from kilowatch.core.usage import StoredDay
    from kilowatch.links.kafka.place import Place


@dataclass(frozen=True, slots=True)
class Saved:
    """The state of one partition, and the next message that it wants.

    since: the next message of the state that it replaces, -1 where there is none. So a process that was replaced
    without knowing it cannot overwrite its heir.
    """

    place: Place
    next: int
    state: bytes
    since: int = -1


class Checkpoint(Protocol):
    """Keeps states and finished days, all of a call or nothing of it."""

    def load(self, place: Place) -> Saved | None:
        """Return what was saved last for a partition."""

    def save(self, saved: Sequence[Saved], days: Sequence[StoredDay], past: Sequence[NamedBuckets] = ()) -> None:
        """Keep states, add days and past to those kept, in one transaction; `StateError` where another took over."""


class Registry(Protocol):
    """Who the devices are."""

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        """Return a device's record, of that version or newer where it is there; None where nobody described it."""


class Messages(Protocol):
    """Messages of one partition in their order; `next_offset` is the one after them."""

    @property
    def place(self) -> Place:
        """Where they come from."""

    @property
    def values(self) -> Sequence[bytes]:
        """The messages as they were written."""

    @property
    def offsets(self) -> Sequence[int]:
        """The offset of each."""

    @property
    def next_offset(self) -> int:
        """Where reading goes on."""
