"""From the settings of a person to how we speak to Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.links.kafka.settings import Access

if TYPE_CHECKING:
    from kilowatch.config.sections import KafkaConfig


def access_of(config: KafkaConfig) -> Access:
    """Return where the brokers are and how to log in."""
    return Access(
        bootstrap=config.bootstrap,
        tls=config.tls,
        ca_file=config.ca_file,
        cert_file=config.cert_file,
        key_file=config.key_file,
        mechanism=config.sasl_mechanism,
        username=config.username,
        password=None if config.password is None else config.password.reveal(),
    )
