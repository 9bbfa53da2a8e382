"""The ways to reach people that the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.core.notices import Wishes
from kilowatch.links.notify.email import Email
from kilowatch.links.notify.ntfy import Ntfy
from kilowatch.links.notify.webhook import Webhook

if TYPE_CHECKING:
    from kilowatch.config import Config
    from kilowatch.links.notify.channel import Channel


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """A channel by its name in the settings, and what it wants to hear."""

    name: str
    channel: Channel
    wishes: Wishes


def open_channels(config: Config) -> list[OpenChannel]:
    """Return the channels that are set, connected to nobody yet but a broker, none where none is."""
    notify = config.notify
    found: list[tuple[str, Channel, Wishes]] = []
    if notify.email.host:
        found.append(("email", Email(notify.email), Wishes(notify.email.at_least, notify.email.most_per_hour)))
    if notify.ntfy.topic:
        found.append(("ntfy", Ntfy(notify.ntfy), Wishes(notify.ntfy.at_least, notify.ntfy.most_per_hour)))
    if notify.webhook.url:
        wishes = Wishes(notify.webhook.at_least, notify.webhook.most_per_hour)
        found.append(("webhook", Webhook(notify.webhook), wishes))
    if notify.mqtt.broker:
        found.append(("mqtt", _mqtt(config), Wishes(notify.mqtt.at_least, notify.mqtt.most_per_hour)))
    return [OpenChannel(*one) for one in found]


def _mqtt(config: Config) -> Channel:
    from kilowatch.links.notify.mqtt import MqttNotices

    wanted, site = config.notify.mqtt, config.site.name
    topic = wanted.topic.replace("{site}", site)
    return MqttNotices(wanted.broker, config.sources.mqtt[wanted.broker], site, topic)
