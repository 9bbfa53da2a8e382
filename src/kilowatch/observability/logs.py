"""Log lines for people or as JSON, on standard error, with known secrets blotted out."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO, TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = "kilowatch"
_BLOT = "***"
_SHORTEST_SECRET = 4
"""Blotting out shorter ones would make the lines unreadable, and tell them by the gaps."""


class LogFormat(StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class _TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class _Blotting(logging.Formatter):
    """Whatever another formatter makes, without the secrets."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        known = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        # As it stands in a JSON line, where quotes and backslashes have one more before them.
        known |= {msgspec.json.encode(secret).decode()[1:-1] for secret in known}
        # The longest first: of a secret that begins with another one the rest would be left in the line.
        self._secrets = sorted(known, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        line = self._inner.format(record)
        for secret in self._secrets:
            line = line.replace(secret, _BLOT)
        return line


def set_up_logging(
    level: LogLevel = LogLevel.INFO,
    form: LogFormat = LogFormat.TEXT,
    secrets: Iterable[str] = (),
    stream: IO[str] | None = None,
) -> None:
    """Send kilowatch's log lines to `stream` (standard error); called again it replaces what was set up before.

    secrets: texts that are never written, whoever puts them into a line.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Blotting(_JsonFormatter() if form is LogFormat.JSON else _TextFormatter(), secrets))
    root = logging.getLogger(ROOT)
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A handler on Python's root logger would write the line once more, secrets and all.
    root.propagate = False
