"""The past of every device: to learn from, and for people to look at."""

from kilowatch.links.history.edge import EdgeHistory
from kilowatch.links.history.samples import DiskSampleHistory

__all__ = ["DiskSampleHistory", "EdgeHistory"]
