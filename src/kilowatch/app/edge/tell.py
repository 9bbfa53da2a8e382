"""Tells the log what happened, in a line each, until there are people to tell."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kilowatch.core.events import ActionState, EventKind, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.app.pipeline import StepResult
    from kilowatch.core.events import ActionEvent, IncidentEvent

_log = logging.getLogger("kilowatch")
# Never an error: that is kept for what needs a person at once, as `escalate` says.
_LEVEL = {Severity.INFO: logging.INFO, Severity.WARN: logging.WARNING, Severity.CRITICAL: logging.WARNING}


class TellLog:
    """Keeps `kilowatch.app.edge.edge.Listener` and `kilowatch.app.actor.ports.Tell`."""

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Write a line for each incident that opens or ends."""
        for event in events:
            if event.kind is not EventKind.UPDATED and not event.historical:
                _log.log(_LEVEL[event.severity], "%s", event.sentence)

    def stepped(self, result: StepResult) -> None:
        """Say nothing: readings are no news."""

    def action(self, event: ActionEvent) -> None:
        """Write a line when a plug was switched off for certain, or was not to be."""
        if event.state is ActionState.CONFIRMED:
            _log.warning("%s", event.why)
        elif event.state is ActionState.REFUSED:
            _log.info("%s is left on: %s", event.device, event.why)

    def escalate(self, event: ActionEvent, incident: IncidentEvent | None) -> None:
        """Write that a person is needed."""
        what = "" if incident is None else f" {incident.sentence}"
        _log.error("%s could not be switched off for certain: %s. Please look.%s", event.device, event.why, what)
