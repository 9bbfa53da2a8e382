"""What stands in policy's place within an edge's pipeline: the actor decides once what happened is on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kilowatch.app.advisor import Advice, Advisor

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.policy import Moment, PolicyRules


class Asking(Advisor):
    """In the pipeline's place for policy: keeps what there is to ask, for the actor to decide once it is on disk."""

    # Every commit takes what was asked, so there is none of it when a snapshot is made.
    frozen_not: ClassVar[tuple[str, ...]] = ("asked",)

    def __init__(self, rules: PolicyRules) -> None:
        super().__init__(rules)
        self.asked: dict[str, IncidentEvent] = {}

    def advise(self, event: IncidentEvent, record: DeviceRecord, at: Moment) -> Advice | None:
        """Note how an incident stands."""
        del record, at
        self.asked[event.id] = event
        return None

    def taken(self) -> list[IncidentEvent]:
        """Return what there is to ask, and begin anew."""
        asked, self.asked = list(self.asked.values()), {}
        return asked
