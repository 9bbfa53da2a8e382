"""What every simulated appliance is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kilowatch.core.device import Kind
    from kilowatch.sim.condition import Timeline
    from kilowatch.sim.days import LocalDay
    from kilowatch.sim.load import Step
    from kilowatch.sim.noise import Streams


class Appliance(Protocol):
    """A small state machine that lives through its days."""

    @property
    def name(self) -> str:
        """The device's name; it also names its random streams."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    @property
    def rating_w(self) -> float:
        """The most it draws in health, start-up included."""

    @property
    def metered(self) -> bool:
        """Whether it has a plug of its own; otherwise only the main meter sees it."""

    @property
    def left_on(self) -> Step:
        """What it draws when left on; start_ms has no meaning."""

    def live(self, days: Iterable[LocalDay], timeline: Timeline, streams: Streams) -> Iterator[list[Step]]:
        """Yield each day's steps, the first at the first midnight. A step depends on nothing after it.

        Steps may lie past the end of their day; a later day revokes those past its own first step.
        """
