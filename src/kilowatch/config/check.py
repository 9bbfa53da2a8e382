"""What single settings cannot tell: whether they make sense together."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from kilowatch.config.upstream import UpstreamTo
from kilowatch.core.localtime import zone
from kilowatch.core.tariff import MOST_A_DAY
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from kilowatch.config.sections import Config

_NO_TOPIC = re.compile(r"[+#/\x00-\x1f\x7f-\x9f]")
"""What no single level of an MQTT topic may hold."""
_PASSWORD_IN_URL = re.compile(r"://[^/@:]*:[^/@]+@")


def check(config: Config) -> None:
    """Raise `ConfigError` for the first contradiction."""
    zone(config.site.time_zone)
    _check_site(config)
    _check_tariff(config)
    _check_networks(config.plugs.allowed_networks)
    if _PASSWORD_IN_URL.search(config.database.url):
        raise ConfigError("database.url holds a password.", "Put it into database.password_file or the environment.")
    push = config.sources.push
    if push.enabled and push.token is None:
        raise ConfigError("sources.push is enabled and has no token.", "Set sources.push.token_file.")
    for files in config.sources.files.values():
        if files.time_zone is not None:
            zone(files.time_zone)
    assistant = config.sources.home_assistant
    if assistant.url and assistant.token is None:
        raise ConfigError("sources.home_assistant has no token.", "Set sources.home_assistant.token_file.")
    _check_upstream(config)
    _check_told(config)
    for name, person in config.web.people.items():
        if person.token is None:
            raise ConfigError(f"web.people.{name} has no token.", f"Set web.people.{name}.token_file.")
    for name in config.devices:
        if not 1 <= len(name) <= 128:
            raise ConfigError(f"Device name {name!r} has {len(name)} letters.", "Give it 1 to 128.")


def _check_site(config: Config) -> None:
    found = _NO_TOPIC.search(config.site.name)
    # Without a broker the name is in no topic.
    if found and config.sources.mqtt:
        raise ConfigError(
            f"site.name {config.site.name!r} holds {found[0]!r}, which no level of an MQTT topic may hold.",
            "Name the site without + # / and control characters, or take the brokers out of sources.mqtt.",
        )


def _check_tariff(config: Config) -> None:
    tariff = config.tariff
    prices = [tariff.price_per_kwh, *(hour.price_per_kwh for hour in tariff.hours.values())]
    for name, device in config.devices.items():
        cost = max(map(abs, prices)) * (device.rating_w or 0.0) / 1000 * 24
        if cost > MOST_A_DAY:
            raise ConfigError(
                f"A day of {name} may cost {cost:.3g} {tariff.currency}: more than {MOST_A_DAY:.3g} is not added up.",
                "Give prices in thousands of the currency, and name that as tariff.currency.",
            )


def _check_networks(networks: list[str]) -> None:
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ConfigError(f"plugs.allowed_networks: {error}.", "Write it as 192.168.1.0/24.") from error


def _check_upstream(config: Config) -> None:
    upstream, brokers = config.upstream, config.sources.mqtt
    if upstream.to is UpstreamTo.MQTT and upstream.broker not in brokers:
        named = ", ".join(brokers) or "none yet: add [sources.mqtt.NAME]"
        raise ConfigError(f"upstream.broker names no broker: {upstream.broker!r}.", f"Brokers: {named}.")


def _check_told(config: Config) -> None:
    email, brokers = config.notify.email, config.sources.mqtt
    if email.host and not email.to:
        raise ConfigError("notify.email has a host and nobody to tell.", "Set notify.email.to.")
    named_in = {
        "notify.mqtt": config.notify.mqtt.broker,
        "announce": config.announce.broker,
        "policy": config.policy.broker,
    }
    for name, broker in named_in.items():
        if broker and broker not in brokers:
            named = ", ".join(brokers) or "none yet: add [sources.mqtt.NAME]"
            raise ConfigError(f"{name}.broker names no broker: {broker!r}.", f"Brokers: {named}.")
