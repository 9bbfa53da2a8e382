"""Ways to reach people: e-mail, ntfy, a webhook, a broker."""

from kilowatch.links.notify.channel import Channel
from kilowatch.links.notify.open import OpenChannel, open_channels

__all__ = ["Channel", "OpenChannel", "open_channels"]
