"""One line in the log when no broker answers any more, and one when one does again."""

from __future__ import annotations

import logging
from typing import Any

_log = logging.getLogger(__name__)


class Outage:
    """Whether a client has lost every broker; the library calls `error` while it is polled.

    cause: what the library said of a login or certificate that was refused, which otherwise shows as silence.
    """

    def __init__(self, who: str) -> None:
        self.is_on = False
        self.cause: Any = None
        self._who = who

    def options(self) -> dict[str, Any]:
        """Return the options by which the library tells us instead of writing to standard error."""
        # 2: critical lines alone; the callback is told of all others.
        return {"error_cb": self.error, "log_level": 2}

    def error(self, error: Any) -> None:
        """Take note of what the library says of the connection."""
        if error.name() in ("_AUTHENTICATION", "_SSL"):
            self.cause = error
        if error.name() == "_ALL_BROKERS_DOWN" and not self.is_on:
            self.is_on = True
            _log.warning("Kafka is away (%s): %s", self._who, error.str())
        elif error.fatal():
            _log.error("Kafka has refused for good (%s): %s", self._who, error.str())

    def heard(self) -> None:
        """Take note that a broker has answered."""
        if self.is_on:
            self.is_on = False
            _log.info("Kafka is back (%s)", self._who)
