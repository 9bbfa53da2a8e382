"""Metrics of the services themselves, beside their sources: what rules and dashboards ask of them."""

from __future__ import annotations

from functools import partial

from kilowatch.observability.metric import Metric, MetricType, counter, gauge

_stream, _stream_total = partial(gauge, group="Streams"), partial(counter, group="Streams")
_detector, _detector_total = (
    partial(gauge, group="Detectors and models"),
    partial(counter, group="Detectors and models"),
)
_outbox = partial(gauge, group="Outbox")
# With edges at 0.1, 0.25 and 1 s, the limits asked of a verdict: between edges a quantile is a guess.
_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

STREAMS: tuple[Metric, ...] = (
    _stream_total("kilowatch_published_messages_total", "Messages published to IoTDevices.", "source"),
    _stream_total("kilowatch_rejected_messages_total", "Messages sent to IoTDevices.rejected.", "source", "reason"),
    _stream_total(
        "kilowatch_unreadable_messages_total", "Messages of IoTDevices passed over, each time they were read."
    ),
    _stream("kilowatch_consumer_lag_messages", "Messages ahead of a consumer.", "group", "topic", "partition"),
    Metric(
        "kilowatch_verdict_seconds",
        MetricType.HISTOGRAM,
        "From the broker's append of a reading to its verdict.",
        (),
        "Streams",
        _BUCKETS_S,
    ),
    _stream("kilowatch_checkpoint_timestamp_seconds", "When state and offsets were last saved, Unix time.", "service"),
)

DETECTORS: tuple[Metric, ...] = (
    _detector_total("kilowatch_scored_samples_total", "Samples that were scored."),
    _detector("kilowatch_devices_drifting", "Devices whose scores have left the level they were calibrated at."),
    _detector("kilowatch_model_created_timestamp_seconds", "When the live model was made, Unix time.", "kind", "model"),
    _detector_total("kilowatch_model_refused_total", "Model artifacts that were refused.", "reason"),
)

OUTBOX: tuple[Metric, ...] = (
    _outbox("kilowatch_outbox_messages", "Messages that wait for upstream."),
    _outbox("kilowatch_outbox_bytes", "Disk that the outbox takes."),
    _outbox("kilowatch_outbox_limit_bytes", "Disk that the outbox may take."),
    counter("kilowatch_outbox_dropped_total", "Readings given up because the outbox was full.", group="Outbox"),
)

NOTICES: tuple[Metric, ...] = (
    counter(
        "kilowatch_notices_total",
        "Messages to people by what became of them: sent, failed, given_up.",
        "channel",
        "outcome",
        group="Notices",
    ),
    gauge("kilowatch_notices_waiting", "Notices that a channel has yet to tell.", "channel", group="Notices"),
)
