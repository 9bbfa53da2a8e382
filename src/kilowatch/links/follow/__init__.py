"""Files that are followed as a logger writes them, as a source of readings."""

from kilowatch.links.follow.source import FilesSource

__all__ = ["FilesSource"]
