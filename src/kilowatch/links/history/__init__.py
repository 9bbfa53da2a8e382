"""The past of every device, for people to look at."""

from kilowatch.links.history.edge import EdgeHistory

__all__ = ["EdgeHistory"]
