"""What can be measured by itself, by name."""

from __future__ import annotations

from enum import StrEnum


class Section(StrEnum):
    """What can be measured by itself."""

    SUSTAINED = "sustained"
    EVERY = "every"
    LATENCY = "latency"
    BURST = "burst"
    MEMORY = "memory"
    TAKEOVER = "takeover"
    SCALE = "scale"
    STORM = "storm"
    PROCESSOR = "processor"
    OUTBOX = "outbox"
    PEERS = "peers"
