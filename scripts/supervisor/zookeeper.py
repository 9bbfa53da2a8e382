"""ZooKeeper, from the jars that Kafka 3.9 brings along."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from supervisor.daemons import Daemon, Launch, bring_up, ending
from supervisor.jars import KAFKA_3, class_path
from supervisor.places import HOST, free_port, is_answering, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def up(folder: Path, port: int, *, bound: bool = True) -> Daemon:
    """Start a ZooKeeper of one node with its data in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"dataDir={folder}/data", f"clientPort={port}", f"clientPortAddress={HOST}", "admin.enableServer=false"]
    (folder / "zoo.cfg").write_text("\n".join(lines) + "\n")
    java = [program("java", "openjdk-17-jre-headless"), "-Xmx128m", "-XX:+UseSerialGC", "-cp", class_path(KAFKA_3)]
    command = [*java, "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"]
    return bring_up(Launch("zookeeper", command, folder, bound=bound), lambda: is_answering(port))


@contextmanager
def zookeeper(folder: Path) -> Iterator[str]:
    """Give the address of a ZooKeeper that runs for as long as the block does."""
    port = free_port()
    with ending([up(folder, port)]):
        yield f"{HOST}:{port}"
