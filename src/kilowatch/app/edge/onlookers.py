"""Who looks on while the edge works and changes nothing of it: Home Assistant's announcer, candidates in shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kilowatch.app.announcing import announcing_of
from kilowatch.app.models.shadowing import shadowing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.app.pipeline import StepResult
    from kilowatch.config import Config
    from kilowatch.core.events import IncidentEvent


class Onlooker(Protocol):
    """A listener that wants to know the edge, and has an end."""

    def watch(self, built: BuiltEdge) -> None:
        """Begin."""

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Hear of incidents."""

    def stepped(self, result: StepResult) -> None:
        """Hear of judged readings."""

    def close(self) -> None:
        """End, before the edge does."""


class Onlookers:
    """Keeps `Onlooker` for several."""

    def __init__(self, each: Sequence[Onlooker]) -> None:
        self._each = list(each)

    def watch(self, built: BuiltEdge) -> None:
        """Let all begin."""
        for one in self._each:
            one.watch(built)

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Tell all."""
        for one in self._each:
            one.happened(events)

    def stepped(self, result: StepResult) -> None:
        """Tell all."""
        for one in self._each:
            one.stepped(result)

    def close(self) -> None:
        """Let all end."""
        for one in self._each:
            one.close()


def onlookers_of(config: Config) -> Onlookers:
    """Return those that the settings want."""
    announcing = announcing_of(config)
    return Onlookers([shadowing_of(config), *([] if announcing is None else [announcing])])
