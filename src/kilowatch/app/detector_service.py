"""The detector on real Kafka: its state log, what it asks the registry, and how it starts again after an outage."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.allocation import map_large_blocks
from kilowatch.app.begin_anew import again_and_again, endpoint, patiently, require_topics
from kilowatch.app.detector import Detector
from kilowatch.app.detector_metrics import DetectorMetrics
from kilowatch.app.detector_ports import Links, Tempo
from kilowatch.app.kafka_access import access_of
from kilowatch.app.models.choices import delivering
from kilowatch.app.models.shadowing import shadowing_partitions
from kilowatch.app.pipeline import Pipeline, PipelineSettings
from kilowatch.app.snapshots import Snapshots
from kilowatch.app.subject import Subject
from kilowatch.core.device import DeviceRecord, Fleet
from kilowatch.core.learning import LearningPlan
from kilowatch.core.wire import UNREADABLE
from kilowatch.detectors.registry import create
from kilowatch.errors import ComponentError
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.reader import Reader
from kilowatch.links.kafka.topics import Topic, partition_of
from kilowatch.links.kafka.transactions import TransactionalWriter
from kilowatch.links.kafka.writer import Writer
from kilowatch.links.memory import MemoryHistory
from kilowatch.observability import Metrics
from kilowatch.observability.health import Health

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from kilowatch.app.models.candidates import Candidates
    from kilowatch.app.models.delivery import Delivery
    from kilowatch.config.sections import Config, DetectorConfig
    from kilowatch.errors import KilowatchError
    from kilowatch.links.kafka.settings import Access

_log = logging.getLogger(__name__)
_FLUSH_S = 30.0
_LOOK_AGAIN_S = 1.0


class KafkaStateLog:
    """`IoTState`: the chunks of partition p lie in partition p."""

    def __init__(self, access: Access) -> None:
        self._writer = Writer(access)
        self._reader = CompactedReader(access)
        self._failed: KilowatchError | None = None

    def write(self, partition: int, key: str, value: bytes | None) -> None:
        """Hand a message over; None deletes the key."""
        self._writer.send(Topic.STATE, key, value, self._delivered, partition=partition, timeout_s=_FLUSH_S)

    def wait(self) -> None:
        """Return once all is acknowledged; `ComponentError` where something is not."""
        left = self._writer.flush(_FLUSH_S)
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed
        if left:
            raise ComponentError(f"Kafka has not acknowledged {left} parts of a snapshot.", "See that the broker runs.")

    def read(self, partition: int) -> Iterator[tuple[str, bytes | None]]:
        """Yield the messages of a partition to its end."""
        for entry in self._reader.entries(Topic.STATE, partition):
            yield entry.key, entry.value

    def _delivered(self, error: KilowatchError | None) -> None:
        self._failed = self._failed or error


class KafkaRecords:
    """`IoTRegistry`, read as far as is asked for; records that cannot be read count as unknown."""

    def __init__(self, access: Access, partitions: int) -> None:
        self._reader = CompactedReader(access)
        self._partitions = partitions
        self._known: dict[str, DeviceRecord] = {}
        self._next: dict[int, int] = {}
        self._looked: dict[int, float] = {}
        self._decode = msgspec.json.Decoder(DeviceRecord).decode

    def record(self, site: str, device: str, version: int = 0) -> DeviceRecord | None:
        """Return a device's newest record; the topic is read again for a version, else once a second at most."""
        key, partition = f"{site}/{device}", partition_of(site, self._partitions)
        found = self._known.get(key)
        is_old = found is None or found.version < version
        # A version is asked for when its word has come. Without one the device may be known to nobody, and the topic
        # must not be read again whenever it is asked for.
        if is_old and (version or time.monotonic() - self._looked.get(partition, -1e9) > _LOOK_AGAIN_S):
            self._catch_up(partition)
        return self._known.get(key)

    def _catch_up(self, partition: int) -> None:
        for entry in self._reader.entries(Topic.REGISTRY, partition, self._next.get(partition)):
            self._next[partition] = entry.offset + 1
            if entry.value is None:
                self._known.pop(entry.key, None)
                continue
            try:
                self._known[entry.key] = self._decode(entry.value)
            except UNREADABLE as error:
                _log.warning("The record of %s in %s cannot be read: %s", entry.key, Topic.REGISTRY, error)
        self._looked[partition] = time.monotonic()


def subject_of(config: DetectorConfig) -> Subject:
    """Return a fresh pipeline as the settings want it, with a history to learn from."""
    plan = LearningPlan(learning_days=config.learning_days)
    history = MemoryHistory(keep_ms=plan.horizon_ms)
    settings = PipelineSettings(plan=plan, alarms_per_week=config.alarms_per_week)
    return Subject(Pipeline(Fleet(), create(config.name), history, settings), history)


def links_of(
    config: Config,
    subject: Callable[[], Subject] | None = None,
    models: Delivery | None = None,
    shadows: Callable[[Subject], Candidates] | None = None,
) -> Links:
    """Return the links to the brokers of the settings."""
    access, group = access_of(config.kafka), f"{config.kafka.group}-detector"
    return Links(
        reader=partial(Reader, access, group, [Topic.DEVICES]),
        writer=partial(TransactionalWriter, access, group),
        snapshots=Snapshots(KafkaStateLog(access), group, secrets.token_hex(4)),
        records=KafkaRecords(access, config.kafka.partitions),
        subject=subject or partial(subject_of, config.detector),
        models=models,
        shadows=shadows,
    )


def serve_detector(config: Config, stop: threading.Event, tempo: Tempo | None = None) -> None:
    """Judge what is ours until told to stop; where Kafka fails begin anew, from what is safe, when it is back."""
    map_large_blocks()
    patiently("detector", lambda: require_topics(config.kafka), stop)
    metrics, health = Metrics(), Health()
    stop, watcher = health.pulse(stop), DetectorMetrics(metrics, f"{config.kafka.group}-detector", health=health)

    with ExitStack() as stack:
        stack.enter_context(endpoint(metrics, config.metrics, health))
        models = stack.enter_context(delivering(config, metrics))
        shadows = None if models is None else stack.enter_context(shadowing_partitions(config))

        def work() -> None:
            health.begins("it joins the group")
            detector = Detector(links_of(config, models=models, shadows=shadows), tempo, watcher)
            metrics.gauge("kilowatch_devices_drifting").set_function(detector.drifting)
            detector.run(stop.is_set)

        again_and_again("detector", work, stop)
