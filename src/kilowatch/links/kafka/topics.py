"""The topics of kilowatch: what each keeps and for how long, and where a site's messages lie."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum

from kilowatch.links.kafka.settings import MAX_BYTES

_DAY_MS = 86_400_000


class Topic(StrEnum):
    """Every topic by name."""

    DEVICES = "IoTDevices"
    REJECTED = "IoTDevices.rejected"
    REGISTRY = "IoTRegistry"
    STATE = "IoTState"
    MODELS = "IoTModels"
    ANOMALIES = "IoTAnomalies"
    ACTIONS = "IoTActions"


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How a topic is kept. by_site: it has the common count of partitions and is placed by site."""

    topic: Topic
    by_site: bool
    options: dict[str, str] = field(default_factory=dict)


def _kept(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * _DAY_MS), "max.message.bytes": str(MAX_BYTES)}


_COMPACTED = {"cleanup.policy": "compact", "max.message.bytes": str(MAX_BYTES)}
_STATE = _COMPACTED | {
    # a take-over reads what compaction has not reached yet: small segments, cleaned early and within 10 minutes
    "segment.bytes": str(64 << 20),
    "min.cleanable.dirty.ratio": "0.1",
    "max.compaction.lag.ms": "600000",
}

PLANS = (
    TopicPlan(Topic.DEVICES, by_site=True, options=_kept(7)),
    TopicPlan(Topic.REJECTED, by_site=False, options=_kept(14)),
    TopicPlan(Topic.REGISTRY, by_site=True, options=_COMPACTED),
    TopicPlan(Topic.STATE, by_site=True, options=_STATE),
    TopicPlan(Topic.MODELS, by_site=False, options=_COMPACTED),
    TopicPlan(Topic.ANOMALIES, by_site=True, options=_kept(30)),
    TopicPlan(Topic.ACTIONS, by_site=False, options=_kept(90)),
)


def partition_of(site: str, partitions: int) -> int:
    """Return where a site's messages lie: as librdkafka places the key, by CRC-32."""
    return zlib.crc32(site.encode()) % partitions
