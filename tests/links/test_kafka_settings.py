from __future__ import annotations

import pytest

from kilowatch.errors import ConfigError
from kilowatch.links.kafka.settings import QUICK, Access, reading, transacting, writing
from kilowatch.links.kafka.topics import PLANS, Topic, partition_of

LOGIN = Access("b:1", tls=True, ca_file="/ca.pem", mechanism="PLAIN", username="anna", password="hunter2")  # noqa: S106


def test_no_secret_shows_itself() -> None:
    assert "hunter2" not in repr(LOGIN)
    assert "anna" not in repr(LOGIN)


@pytest.mark.parametrize(
    ("access", "protocol"),
    [
        (Access("b:1"), "PLAINTEXT"),
        (Access("b:1", tls=True), "SSL"),
        (LOGIN, "SASL_SSL"),
    ],
)
def test_the_protocol_follows_from_what_is_set(access: Access, protocol: str) -> None:
    assert access.options()["security.protocol"] == protocol


def test_certificates_count_with_tls_alone() -> None:
    assert "ssl.ca.location" not in Access("b:1", ca_file="/ca.pem").options()
    assert LOGIN.options()["ssl.ca.location"] == "/ca.pem"
    assert LOGIN.options()["sasl.password"] == "hunter2"


def test_a_login_without_a_password_is_refused() -> None:
    with pytest.raises(ConfigError, match="password"):
        Access("b:1", mechanism="PLAIN", username="anna").options()


def test_verification_is_never_switched_off() -> None:
    for options in (reading(LOGIN, "g"), writing(LOGIN), transacting(LOGIN, "g-0")):
        assert options.get("enable.ssl.certificate.verification", True)
        assert options.get("ssl.endpoint.identification.algorithm", "https") == "https"


def test_writers_lose_and_double_nothing() -> None:
    options = writing(LOGIN)
    assert options["acks"] == "all"
    assert options["enable.idempotence"]
    assert options["message.timeout.ms"] == 0


def test_quick_waits_less() -> None:
    assert writing(LOGIN, QUICK)["linger.ms"] < writing(LOGIN)["linger.ms"]
    assert reading(LOGIN, "g", QUICK)["fetch.wait.max.ms"] < reading(LOGIN, "g")["fetch.wait.max.ms"]


def test_every_topic_has_a_plan() -> None:
    assert [plan.topic for plan in PLANS] == list(Topic)
    by_site = {plan.topic for plan in PLANS if plan.by_site}
    assert by_site == {Topic.DEVICES, Topic.ANOMALIES, Topic.REGISTRY, Topic.STATE}


def test_a_site_keeps_its_partition() -> None:
    assert [partition_of(site, 12) for site in ("home", "anna", "Büro", "")] == [4, 3, 5, 0]
