"""The dashboard of the services themselves."""

from __future__ import annotations

from dashboards.looks import Board, look

PIPELINE = Board(
    "kilowatch-pipeline",
    "kilowatch: pipeline health",
    "Whether readings come in, are understood, judged in time and kept safe.",
    (
        (
            "Sources",
            (
                look("Connected", "1 while connected.", "none", ("kilowatch_source_up", "{{source}}")),
                look(
                    "Messages",
                    "A second.",
                    "reqps",
                    ("sum by (source) (rate(kilowatch_source_messages_total[$__rate_interval]))", "{{source}}"),
                ),
                look(
                    "Rejected messages",
                    "Share over a quarter of an hour.",
                    "percentunit",
                    ("kilowatch:rejected_messages:ratio15m", "rejected"),
                ),
            ),
        ),
        (
            "Readings",
            (
                look(
                    "Readings",
                    "A second, by what cleaning made of them.",
                    "cps",
                    ("kilowatch:readings:rate5m", "{{outcome}}"),
                ),
                look(
                    "Why repaired or rejected",
                    "In an hour.",
                    "none",
                    ("sum by (reason) (increase(kilowatch_reading_reasons_total[1h])) > 0", "{{reason}}"),
                ),
                look(
                    "Gaps",
                    "Share of today's device time whose energy nobody knows.",
                    "percentunit",
                    ("kilowatch:gap_today:ratio", "gap"),
                ),
            ),
        ),
        (
            "Services",
            (
                look(
                    "Lag",
                    "Messages ahead of each consumer.",
                    "none",
                    ("kilowatch:consumer_lag_messages:sum", "{{group}} {{topic}}"),
                ),
                look(
                    "Verdicts, 99th percentile",
                    "From the broker's append to the verdict.",
                    "s",
                    (
                        (
                            "histogram_quantile(0.99, sum by (le) (rate(kilowatch_verdict_seconds_bucket"
                            "[$__rate_interval])))"
                        ),
                        "p99",
                    ),
                ),
                look(
                    "State last saved",
                    "So long ago.",
                    "s",
                    ("time() - kilowatch_checkpoint_timestamp_seconds", "{{service}}"),
                ),
                look(
                    "Devices that drift",
                    "Share of those watched.",
                    "percentunit",
                    ("kilowatch:devices_drifting:ratio", "drifting"),
                ),
                look(
                    "Age of models",
                    "Since they were made.",
                    "s",
                    ("time() - kilowatch_model_created_timestamp_seconds", "{{kind}}"),
                ),
                look(
                    "Outbox",
                    "Messages that wait for upstream.",
                    "none",
                    ("sum by (instance) (kilowatch_outbox_messages)", "{{instance}}"),
                ),
            ),
        ),
    ),
    since="now-6h",
)
