"""What a page in a cluster hears, and what it says of itself while Kafka is away."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from supervisor.places import free_port

from app.live import until
from app.messages import as_json, plain
from core.messages import EVENT
from kilowatch.app.listening import Listening
from kilowatch.app.web_service import listening
from kilowatch.config import Config
from kilowatch.config.sections import KafkaConfig
from kilowatch.core.device import Fleet
from kilowatch.links.kafka.settings import Access
from kilowatch.links.kafka.topics import Topic
from kilowatch.observability import Metrics
from kilowatch.observability.health import STANDS_BY_S, Health

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.core.events import IncidentEvent
    from kilowatch.core.reading import ReadingBatch


@dataclass
class Ears:
    batches: list[ReadingBatch] = field(default_factory=list)
    events: list[IncidentEvent] = field(default_factory=list)

    def heard(self, batch: ReadingBatch) -> None:
        self.batches.append(batch)

    def happened(self, events: Sequence[IncidentEvent]) -> None:
        self.events += events


def test_readings_and_incidents_are_passed_on_and_what_cannot_be_read_is_not() -> None:
    fleet, ears = Fleet(), Ears()
    listener = Listening(Access("127.0.0.1:1"), "page", fleet, ears)
    listener.take(Topic.DEVICES, [as_json(plain()), b"{", as_json(plain(device="tv", power_w=7.5))])
    listener.take(Topic.DEVICES, [b"[]"])
    listener.take(Topic.ANOMALIES, [msgspec.json.encode(EVENT), b"\xff", b"{}"])
    listener.take(Topic.ANOMALIES, [b"torn"])
    assert [record.device for record in fleet.records] == ["fridge", "tv"]
    assert [batch.power_w.tolist() for batch in ears.batches] == [[92.5, 7.5]]
    assert ears.events == [EVENT]


def test_a_page_whose_broker_is_away_lives_and_is_not_ready_however_long_that_takes() -> None:
    late_s = [0.0]
    health, metrics = Health(lambda: time.monotonic() + late_s[0]), Metrics()
    config = Config(kafka=KafkaConfig(bootstrap=f"127.0.0.1:{free_port()}"))
    with listening(config, Fleet(), Ears(), metrics, health):
        until(lambda: "joins" in health.ready_now().why, "it did not begin")
        late_s[0] = 2 * STANDS_BY_S
        time.sleep(1.5)
        assert not health.ready_now().ok
        assert health.live_now().ok
    assert b"kilowatch_consumer_lag_messages{" not in metrics.exposition()
