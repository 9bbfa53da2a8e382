from __future__ import annotations

import msgspec

from kilowatch.app.kafka_access import access_of
from kilowatch.config import Secret
from kilowatch.config.sections import KafkaConfig
from kilowatch.links.kafka.settings import Access


def test_without_settings_it_is_a_broker_on_this_machine() -> None:
    assert access_of(KafkaConfig()) == Access("127.0.0.1:9092")


def test_every_setting_of_a_secure_broker_is_passed_on() -> None:
    config = msgspec.structs.replace(
        KafkaConfig(),
        bootstrap="a:1,b:2",
        tls=True,
        ca_file="/ca.pem",
        cert_file="/own.pem",
        key_file="/own.key",
        sasl_mechanism="SCRAM-SHA-512",
        username="anna",
        password=Secret("hunter2"),
    )
    options = access_of(config).options()
    assert options["security.protocol"] == "SASL_SSL"
    assert options["ssl.key.location"] == "/own.key"
    assert options["ssl.certificate.location"] == "/own.pem"
    assert (options["sasl.mechanism"], options["sasl.username"], options["sasl.password"]) == (
        "SCRAM-SHA-512",
        "anna",
        "hunter2",
    )
