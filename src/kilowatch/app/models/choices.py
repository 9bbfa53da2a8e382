"""What was chosen: read from `IoTModels`, or from the edge's database; and the delivery that the settings want."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kilowatch.app.kafka_access import access_of
from kilowatch.app.models.delivery import Delivery, Modelled
from kilowatch.app.models.store import HttpModels, ModelStore
from kilowatch.core.records import ModelChoice
from kilowatch.core.wire import UNREADABLE
from kilowatch.detectors.registry import create
from kilowatch.errors import ModelError
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.compacted import CompactedReader
from kilowatch.links.kafka.topics import Topic
from kilowatch.nets.registry import ModelRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kilowatch.config.sections import Config
    from kilowatch.core.device import Kind
    from kilowatch.links.database import Database
    from kilowatch.links.kafka.settings import Access
    from kilowatch.observability import Metrics


class KafkaChoices:
    """`IoTModels`, read on from where it was left; partitions: how many it has."""

    def __init__(self, access: Access, partitions: Callable[[], int]) -> None:
        self._reader = CompactedReader(access)
        self._partitions = partitions
        self._next: dict[int, int] = {}
        self._chosen: dict[Kind, ModelChoice] = {}
        self._lock = threading.Lock()

    def __call__(self) -> Iterable[ModelChoice]:
        """Return the newest choice of each kind; `ComponentError` where Kafka is away."""
        with self._lock:
            for partition in range(self._partitions()):
                for entry in self._reader.entries(Topic.MODELS, partition, self._next.get(partition)):
                    # Passed before it is read: a choice that cannot be read is complained of once, not at every look.
                    self._next[partition] = entry.offset + 1
                    self._take(entry.value)
            return list(self._chosen.values())

    def _take(self, value: bytes | None) -> None:
        if value is None:
            return
        try:
            choice = msgspec.json.decode(value, type=ModelChoice)
        except UNREADABLE as error:
            raise ModelError(f"A choice in {Topic.MODELS} cannot be read: {error}.", "Choose again.") from error
        known = self._chosen.get(choice.kind)
        if known is None or known.version <= choice.version:
            self._chosen[choice.kind] = choice


def chosen_in(database: Database) -> Callable[[], Iterable[ModelChoice]]:
    """Return what reads the choices of a database."""

    def read() -> Iterable[ModelChoice]:
        with database.read() as transaction:
            return transaction.models.all()

    return read


def delivery_of(config: Config, choices: Callable[[], Iterable[ModelChoice]], metrics: Metrics) -> Delivery:
    """Return the delivery that the settings want, not started."""
    return Delivery(store_of(config), choices, metrics)


def store_of(config: Config) -> ModelStore:
    """Return where the settings say that models come from."""
    models = config.models
    token = None if models.token is None else models.token.reveal()
    source = HttpModels(models.url, token, models.ca_file) if models.url else None
    return ModelStore(ModelRegistry(Path(models.folder)), source)


@contextmanager
def delivering(config: Config, metrics: Metrics) -> Iterator[Delivery | None]:
    """Give the delivery of what `IoTModels` names while the block runs, where the detector judges by models."""
    if not isinstance(create(config.detector.name), Modelled):
        yield None
        return
    access = access_of(config.kafka)
    admin = Admin(access)
    models = delivery_of(config, KafkaChoices(access, lambda: admin.count(Topic.MODELS)), metrics)
    models.start()
    try:
        yield models
    finally:
        models.close()
