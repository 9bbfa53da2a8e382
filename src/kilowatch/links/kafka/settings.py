"""How we speak to Kafka: where it is, who we are, and every setting that is not the library's default, with why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from kilowatch.errors import ConfigError

Options: TypeAlias = dict[str, Any]
"""Settings under librdkafka's own names."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the brokers are and how to log in.

    bootstrap: host:port, with commas. tls: encrypt, and verify the broker's certificate and name. ca_file: what to
    trust, None for the system's. cert_file, key_file: our own certificate where the broker wants one. mechanism:
    PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, None for no login.
    """

    bootstrap: str
    tls: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    mechanism: str | None = None
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Say where, never who: this may come into a log."""
        return f"Access({self.bootstrap!r}, tls={self.tls}, login={self.mechanism is not None})"

    def options(self) -> Options:
        """Return what every client needs; `ConfigError` where a login is half given."""
        if self.mechanism is not None and not (self.username and self.password):
            raise ConfigError(
                "Kafka: a login needs both kafka.username and kafka.password.",
                "Set KILOWATCH_KAFKA__USERNAME and KILOWATCH_KAFKA__PASSWORD, or unset kafka.sasl_mechanism.",
            )
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": "kilowatch",
            "security.protocol": ("SASL_" if self.mechanism else "") + ("SSL" if self.tls else "PLAINTEXT"),
            # a broker that comes back is found within a second, not ten
            "reconnect.backoff.max.ms": 1000,
            # a broker that was replaced under the same name is followed
            "broker.address.ttl": 1000,
            # idle connections are closed by brokers as a matter of course; that is no news
            "log.connection.close": False,
        } | {name: value for name, value in self._secrets().items() if value is not None}

    def _secrets(self) -> dict[str, str | None]:
        files = {"ssl.ca.location": self.ca_file, "ssl.certificate.location": self.cert_file}
        login = {"sasl.mechanism": self.mechanism, "sasl.username": self.username, "sasl.password": self.password}
        return (files | {"ssl.key.location": self.key_file} if self.tls else {}) | (login if self.mechanism else {})


@dataclass(frozen=True, slots=True)
class Pace:
    """How long readings may wait on their way, ms.

    linger_ms: a writer collects a batch for so long. fetch_wait_ms: a broker keeps a fetch open for so long when
    there is nothing. The defaults serve a million meters at 30 s; `QUICK` is for a hundred thousand and less.
    """

    linger_ms: int = 25
    fetch_wait_ms: int = 100


MAX_BYTES = 2_097_152
"""Of one message, in every topic of ours: twice what is accepted from outside."""
QUICK = Pace(linger_ms=5, fetch_wait_ms=10)
SESSION_MS = 6000
"""A process that says nothing for so long has lost its partitions: what a take-over waits for beyond our own part.
Brokers allow 6 s and more; heartbeats come from a thread of their own, so that a busy step does not cost them."""


def reading(access: Access, group: str, pace: Pace | None = None, *, committed: bool = True) -> Options:
    """Return the options of a consumer of a group."""
    pace = pace or Pace()
    return access.options() | {
        "group.id": group,
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": 1500,
        # a rebalance takes a partition only from whom it moves away; the others go on reading
        "partition.assignment.strategy": "cooperative-sticky",
        # offsets are committed by us, in the transaction that holds what came of them
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        # an aborted incident was never told
        "isolation.level": "read_committed" if committed else "read_uncommitted",
        # loading a snapshot and replaying since may take longer than a step, never this long
        "max.poll.interval.ms": 300_000,
        # after a full queue the default waits 1 s before it fetches again: at 180,000 readings/s that is the latency
        "fetch.queue.backoff.ms": 5,
        # with the default of 64 MB a partition readings age in the client's own memory
        "queued.max.messages.kbytes": 16_384,
        "queued.min.messages": 20_000,
        "fetch.wait.max.ms": pace.fetch_wait_ms,
    }


def writing(access: Access, pace: Pace | None = None) -> Options:
    """Return the options of a producer: acknowledged by all in-sync copies, in order, none twice."""
    pace = pace or Pace()
    return access.options() | {
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": pace.linger_ms,
        # 22 bytes a reading instead of 73, for less time than the network would cost
        "compression.type": "lz4",
        # a refused message is a third longer in base64, and is kept all the same
        "message.max.bytes": MAX_BYTES,
        # back-pressure: beyond this sources wait, instead of memory that grows while a broker is away
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 65_536,
        # nothing is given up by the clock: a source is not told "safe" until it is, and waits meanwhile
        "message.timeout.ms": 0,
    }


def transacting(access: Access, identity: str, pace: Pace | None = None) -> Options:
    """Return the options of a transactional producer."""
    return writing(access, pace) | {
        "transactional.id": identity,
        # a dead owner's transaction is aborted by its successor; this is for one without a successor
        "transaction.timeout.ms": 30_000,
        "message.timeout.ms": 30_000,
        # a transaction is committed by hand, so nothing is gained by waiting for company
        "linger.ms": 0,
    }
