"""The broker of a run: Apache Kafka on this machine, started by the project's own supervisor or given by address."""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kilowatch
from kilowatch.errors import ConfigError
from kilowatch.links.kafka.admin import Admin
from kilowatch.links.kafka.client import kafka, kafka_errors
from kilowatch.links.kafka.settings import Access
from kilowatch.links.kafka.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAP_MB = 512


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, its process id (0 where somebody else started it), and a folder for the run."""

    bootstrap: str
    pid: int
    folder: Path


@contextmanager
def running(bootstrap: str | None, partitions: int, keep: Path | None = None) -> Iterator[Broker]:
    """Give a broker with the topics of kilowatch, empty; one of our own ends with the block.

    keep: where to leave what the processes wrote: logs, counts and profiles.
    """
    folder = Path(tempfile.mkdtemp(prefix="kilowatch-bench-"))
    try:
        if bootstrap is not None:
            _prepare(bootstrap, partitions)
            yield Broker(bootstrap, 0, folder)
            return
        supervisor = _supervisor()
        with supervisor.running(folder, supervisor.Plan(heap_mb=HEAP_MB, lasting=True)) as cluster:
            _prepare(cluster.bootstrap, partitions)
            yield Broker(cluster.bootstrap, cluster.daemons[0].pid, folder)
    finally:
        # Also after an error: that is when somebody wants the logs.
        if keep is not None:
            _leave(folder, keep)
        shutil.rmtree(folder, ignore_errors=True)


def _leave(folder: Path, keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_file():
            shutil.copy(path, keep)


def _supervisor() -> Any:
    scripts = Path(kilowatch.__file__).parents[2] / "scripts"
    if not (scripts / "supervisor").is_dir():
        raise ConfigError("This kilowatch was not installed from a clone.", "Name a broker: --bootstrap host:port")
    # At the end of the path: no script may take the place of an installed package.
    sys.path.append(str(scripts))
    return importlib.import_module("supervisor.kafka")


def _prepare(bootstrap: str, partitions: int) -> None:
    """Create the topics; readings are stamped as the broker appends them, for latency is counted from there."""
    access = Access(bootstrap)
    Admin(access).create(partitions)
    admin = kafka().admin
    with kafka_errors("setting a topic's time stamps"):
        entry = admin.ConfigEntry(
            "message.timestamp.type", "LogAppendTime", incremental_operation=admin.AlterConfigOpType.SET
        )
        resource = admin.ConfigResource("TOPIC", str(Topic.DEVICES), incremental_configs=[entry])
        client = admin.AdminClient(access.options())
        for future in client.incremental_alter_configs([resource]).values():
            future.result()
