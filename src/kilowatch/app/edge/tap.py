"""Who else takes what the edge's log holds, beside the judge, and at a pace of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.events import IncidentEvent
    from kilowatch.links.edge_log import Taken


class Tap(Protocol):
    """Never keeps the edge's loop waiting for anything but its own disk."""

    def open(self, log_end: int) -> int:
        """Begin; return the first message of the log that it wants. log_end: the next message's offset."""

    def took(self, taken: Taken) -> None:
        """Take messages, in order and none left out from the first wanted on."""

    def told(self, events: Sequence[IncidentEvent]) -> None:
        """Take incident events. Called before the edge forgets that they are news: after a death they may come twice,
        with the same ids and versions."""

    @property
    def kept_from(self) -> int:
        """The first message that must still be in the log, should this process die now."""

    def close(self) -> None:
        """Write down what was taken and end."""
