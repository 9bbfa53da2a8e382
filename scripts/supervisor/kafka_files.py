"""What a broker reads when it starts: properties, logging, keys, and the format of its storage."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from supervisor.certificates import certificates
from supervisor.daemons import call
from supervisor.jars import class_path
from supervisor.places import HOST, program

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.kafka import Broker, Cluster

USER = "kilowatch"
PASSWORD = "not-a-secret"  # noqa: S105 - of brokers on loopback that live for one test
_PATTERN = "%d %p %m (%c)%n"
_LOG4J2 = f"""status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = {_PATTERN}
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
_LOG4J1 = f"""log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern={_PATTERN}
"""
_LOGIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    f'username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}";'
)


def write(cluster: Cluster) -> None:
    """Write the files of every broker, and format storage that is new."""
    for broker in cluster.brokers:
        properties = _properties(cluster, broker)
        (broker.folder / "server.properties").write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        (broker.folder / "log4j2.properties").write_text(_LOG4J2)
        (broker.folder / "log4j.properties").write_text(_LOG4J1)
        if cluster.plan.zookeeper is None and not (broker.folder / "data" / "meta.properties").exists():
            _format(cluster, broker)


def logging(folder: Path) -> list[str]:
    """Return the options by which either logger finds its file."""
    return [
        f"-Dlog4j2.configurationFile={folder}/log4j2.properties",
        f"-Dlog4j.configuration=file:{folder}/log4j.properties",
    ]


def _format(cluster: Cluster, broker: Broker) -> None:
    identity = base64.urlsafe_b64encode(hashlib.sha256(str(cluster.folder).encode()).digest()[:16]).decode().rstrip("=")
    java = [
        program("java", "openjdk-17-jre-headless"),
        # It writes one small file: compiling well would take longer than all of it.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        *logging(broker.folder),
        "-cp",
        class_path(cluster.plan.release),
    ]
    call(
        [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={identity}", "-c", "server.properties"],
        broker.folder,
    )


def _properties(cluster: Cluster, broker: Broker) -> dict[str, object]:
    properties: dict[str, object] = {
        "log.dirs": broker.folder / "data",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "inter.broker.listener.name": "PLAINTEXT",
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.num.partitions": 1,
        # a test may write gigabytes, and what it has read it needs no more
        "log.segment.bytes": 64 << 20,
    }
    return properties | _replication(cluster) | _listeners(cluster, broker) | _metadata(cluster, broker)


def _replication(cluster: Cluster) -> dict[str, object]:
    copies = min(3, cluster.plan.brokers)
    topics = ["offsets.topic", "transaction.state.log"]
    if cluster.plan.zookeeper is None:
        topics.append("share.coordinator.state.topic")
    replication: dict[str, object] = {f"{topic}.replication.factor": copies for topic in topics}
    return replication | {
        "default.replication.factor": copies,
        "min.insync.replicas": max(1, copies - 1),
        "transaction.state.log.min.isr": max(1, copies - 1),
    }


def _listeners(cluster: Cluster, broker: Broker) -> dict[str, object]:
    clients = [f"PLAINTEXT://{HOST}:{broker.port}"]
    if cluster.plan.secure:
        clients.append(f"SASL_SSL://{HOST}:{broker.secure_port}")
    controller = [] if cluster.plan.zookeeper else [f"CONTROLLER://{HOST}:{broker.controller_port}"]
    return {
        "listeners": ",".join(clients + controller),
        "advertised.listeners": ",".join(clients),
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
    } | (_security(cluster) if cluster.plan.secure else {})


def _security(cluster: Cluster) -> dict[str, object]:
    made = certificates(cluster.folder / "tls")
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": made.keystore(),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": made.authority,
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": _LOGIN,
    }


def _metadata(cluster: Cluster, broker: Broker) -> dict[str, object]:
    if cluster.plan.zookeeper is not None:
        return {"broker.id": broker.node, "zookeeper.connect": cluster.plan.zookeeper}
    voters = ",".join(f"{one.node}@{HOST}:{one.controller_port}" for one in cluster.brokers)
    return {
        "process.roles": "broker,controller",
        "node.id": broker.node,
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "broker.session.timeout.ms": 6000,
    }
