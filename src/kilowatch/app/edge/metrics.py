"""What the edge says of itself to Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.app.drifting import drifting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.app.edge.build import BuiltEdge
    from kilowatch.app.pipeline import StepResult
    from kilowatch.core.events import IncidentEvent
    from kilowatch.observability import Metrics


class EdgeMetrics:
    """Keeps `kilowatch.app.edge.edge.Listener`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._scored = metrics.counter("kilowatch_scored_samples_total")

    def watch(self, built: BuiltEdge) -> None:
        """Show what a scrape asks the edge itself for."""
        pipeline, edge = built.parts.subject.pipeline, built.edge
        self._metrics.gauge("kilowatch_devices_drifting").set_function(lambda: drifting(pipeline.judge.thresholds))
        saved = self._metrics.gauge("kilowatch_checkpoint_timestamp_seconds").labels("edge")
        saved.set_function(lambda: edge.saved_s)

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        """Say nothing: usage metrics count incidents."""

    def stepped(self, result: StepResult) -> None:
        """Count samples."""
        self._scored.inc(sum(len(judged.samples) for judged in result.judged))
