"""Who is told what a detector does, for metrics and benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.app.partition import Counts
    from kilowatch.links.kafka.place import Place


class Watcher(Protocol):
    """Told what happens, for metrics."""

    def judged(self, place: Place, counts: Counts, seconds: float, appended_ms: int) -> None:
        """Messages were judged; appended_ms: when the broker had the newest of them."""

    def committed(self, place: Place, events: int, seconds: float) -> None:
        """So many events were told."""

    def saved(self, place: Place, size: int, seconds: float) -> None:
        """A snapshot was written."""

    def taken_over(self, place: Place, seconds: float, behind: int) -> None:
        """A partition is ours; so many messages are read again in silence."""

    def lag(self, lag: Mapping[Place, int]) -> None:
        """So many messages of each partition of ours are not read yet."""


class NoWatcher:
    """Tells nobody."""

    def judged(self, place: Place, counts: Counts, seconds: float, appended_ms: int) -> None:
        """Say nothing."""

    def committed(self, place: Place, events: int, seconds: float) -> None:
        """Say nothing."""

    def saved(self, place: Place, size: int, seconds: float) -> None:
        """Say nothing."""

    def taken_over(self, place: Place, seconds: float, behind: int) -> None:
        """Say nothing."""

    def lag(self, lag: Mapping[Place, int]) -> None:
        """Say nothing."""
