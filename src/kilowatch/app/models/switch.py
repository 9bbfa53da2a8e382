"""A judge's detector takes the models that are live, at a commit, and its incidents say which model judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.models.delivery import Modelled
from kilowatch.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.app.models.delivery import Delivery
    from kilowatch.app.pipeline import Pipeline
    from kilowatch.core.device import Kind
    from kilowatch.core.events import IncidentEvent
    from kilowatch.nets.runtime import Model


class ModelSwitch:
    """One for each pipeline. Not for several threads."""

    def __init__(self, delivery: Delivery, pipeline: Pipeline) -> None:
        self._delivery = delivery
        self._pipeline = pipeline
        self._taken: Mapping[Kind, Model] = {}

    def at_commit(self) -> None:
        """Take what is live where that is news; a model that the detector refuses leaves it as it was."""
        detector, live = self._pipeline.scorer.detector, self._delivery.live
        if live is self._taken or not isinstance(detector, Modelled):
            return
        # Noted as taken even where the detector refuses: it would refuse the same at every commit.
        before, self._taken = self._taken, live
        fresh = {kind: model for kind, model in live.items() if before.get(kind) is not model}
        try:
            detector.adopt(live)
        except ModelError as error:
            # The detector does not say which of them it could not take.
            for model in fresh.values():
                self._delivery.refuse(model.sha256, error)


def stamped(event: IncidentEvent, pipeline: Pipeline) -> IncidentEvent:
    """Return an event with the hash of the model that judged, where the detector judges by one."""
    detector = pipeline.scorer.detector
    slot = pipeline.fleet.slot(event.site, event.device)
    if event.model or slot is None or not isinstance(detector, Modelled):
        return event
    return msgspec.structs.replace(event, model=detector.model_of(slot))
