"""A partition's judge that lets others look on: history wants judged samples, the actor wants what stands now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kilowatch.app.advisor import Advice, Advisor
from kilowatch.app.partition import PartitionJudge

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.app.partition import Records
    from kilowatch.app.pipeline import StepResult
    from kilowatch.app.subject import Subject
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


class WatchedJudge(PartitionJudge):
    """Shows each step to `look`, with whether it is news."""

    def __init__(
        self,
        subject: Subject,
        records: Records,
        next_offset: int,
        live_from: int,
        look: Callable[[StepResult, bool], None],
    ) -> None:
        super().__init__(subject, records, next_offset, live_from)
        self._look = look

    def _note(self, result: StepResult, offset: int) -> None:
        super()._note(result, offset)
        self._look(result, offset >= self.live_from)
