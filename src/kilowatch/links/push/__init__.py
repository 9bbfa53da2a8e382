"""An HTTP endpoint to which others push readings."""

from kilowatch.links.push.source import PushSource

__all__ = ["PushSource"]
