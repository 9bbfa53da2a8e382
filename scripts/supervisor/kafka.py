"""Apache Kafka: one broker or several, KRaft or ZooKeeper, with TLS and passwords where wanted."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from supervisor import kafka_files
from supervisor.daemons import Daemon, Launch, await_ready, start
from supervisor.jars import KAFKA_3, KAFKA_4, Release, class_path
from supervisor.places import HOST, free_port, is_answering, program
from supervisor.zookeeper import zookeeper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What a cluster shall be.

    secure: a second listener with TLS and SASL PLAIN. zookeeper: its address, instead of KRaft. port: the first
    broker's, None for a free one. bound: the brokers end with the process that started them. lasting: for load
    and for hours, not for minutes of tests.
    """

    brokers: int = 1
    secure: bool = False
    release: Release = KAFKA_4
    zookeeper: str | None = None
    heap_mb: int = 512
    port: int | None = None
    bound: bool = True
    lasting: bool = False


@dataclass(slots=True)
class Broker:
    """One broker of a cluster: its folder, its ports, and its process while it runs."""

    node: int
    folder: Path
    port: int
    controller_port: int
    secure_port: int
    daemon: Daemon | None = None

    @property
    def is_answering(self) -> bool:
        """Whether it takes connections of clients."""
        return is_answering(self.port)

    def wait(self) -> None:
        """Wait until it takes connections; `StartError` where it ends before."""
        if self.daemon is not None:
            await_ready(self.daemon, lambda: self.is_answering)


@dataclass(slots=True)
class Cluster:
    """Brokers that belong together."""

    plan: Plan
    folder: Path
    brokers: list[Broker] = field(default_factory=list)

    @property
    def bootstrap(self) -> str:
        """Addresses for clients without TLS."""
        return ",".join(f"{HOST}:{broker.port}" for broker in self.brokers)

    @property
    def secure_bootstrap(self) -> str:
        """Addresses for clients with TLS and a password."""
        return ",".join(f"{HOST}:{broker.secure_port}" for broker in self.brokers)

    @property
    def daemons(self) -> list[Daemon]:
        """The processes that were started last, one a broker."""
        return [broker.daemon for broker in self.brokers if broker.daemon is not None]

    def start(self, *nodes: int) -> None:
        """Start brokers, the first one being 1, with what their folders hold, and wait until they take connections."""
        started = [self.brokers[node - 1] for node in nodes]
        for broker in started:
            broker.daemon = start(self._launch(broker))
        for broker in started:
            broker.wait()

    def kill(self, node: int) -> None:
        """End a broker at once, as a power cut would."""
        daemon = self.brokers[node - 1].daemon
        if daemon is not None:
            daemon.kill()

    def stop(self) -> None:
        """Stop every broker; the last ones of a quorum cannot leave it in order, so none is waited for long."""
        for daemon in self.daemons:
            daemon.send(signal.SIGTERM)
        for daemon in self.daemons:
            daemon.stop(grace_s=5.0)

    def _launch(self, broker: Broker) -> Launch:
        java = [program("java", "openjdk-17-jre-headless"), "-Xms128m", f"-Xmx{self.plan.heap_mb}m", "-XX:+UseSerialGC"]
        if not self.plan.lasting:
            # A broker that lives for minutes spends more on compiling well than it ever gets back.
            java.append("-XX:TieredStopAtLevel=1")
        java += [*kafka_files.logging(broker.folder), "-cp", class_path(self.plan.release)]
        command = [*java, "kafka.Kafka", "server.properties"]
        return Launch(f"kafka-{broker.node}", command, broker.folder, bound=self.plan.bound)


def up(folder: Path, plan: Plan | None = None) -> Cluster:
    """Start a cluster with its data in a folder; `StartError` where it does not come up."""
    cluster = _prepared(folder, plan or Plan())
    try:
        cluster.start(*range(1, cluster.plan.brokers + 1))
    except BaseException:
        cluster.stop()
        raise
    return cluster


@contextmanager
def running(folder: Path, plan: Plan | None = None) -> Iterator[Cluster]:
    """Give a cluster that runs for as long as the block does."""
    cluster = up(folder, plan)
    try:
        yield cluster
    finally:
        cluster.stop()


@contextmanager
def kafka(folder: Path, plan: Plan | None = None) -> Iterator[str]:
    """Give the addresses of a cluster that runs for as long as the block does."""
    with running(folder, plan) as cluster:
        yield cluster.bootstrap


@contextmanager
def with_zookeeper(folder: Path, plan: Plan | None = None) -> Iterator[Cluster]:
    """Give a cluster of Kafka 3.9 that keeps its metadata in a ZooKeeper of its own."""
    with zookeeper(folder / "zookeeper") as address:
        wanted = replace(plan or Plan(), release=KAFKA_3, zookeeper=address)
        with running(folder / "kafka", wanted) as cluster:
            yield cluster


def _prepared(folder: Path, plan: Plan) -> Cluster:
    cluster = Cluster(plan, folder)
    for node in range(1, plan.brokers + 1):
        port = free_port() if plan.port is None else plan.port + node - 1
        broker = Broker(node, folder / f"broker-{node}", port, free_port(), free_port())
        broker.folder.mkdir(parents=True, exist_ok=True)
        cluster.brokers.append(broker)
    kafka_files.write(cluster)
    return cluster
