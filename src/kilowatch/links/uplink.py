"""Where an edge passes on what it has: a broker that tells what it has taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.errors import KilowatchError


class Uplink(Protocol):
    """Messages leave in order and are told of in `poll`. A broker that is away is waited for, never for long.

    delivered: told once, None where the message is upstream for good. After an error the uplink is closed and another
    is made.
    """

    def send_readings(self, site: str, message: bytes, delivered: Callable[[KilowatchError | None], None]) -> None:
        """Hand readings of a site over."""

    def send_incident(self, site: str, message: bytes, delivered: Callable[[KilowatchError | None], None]) -> None:
        """Hand an incident event over."""

    def poll(self, timeout_s: float) -> None:
        """Tell senders what became of their messages; waits at most timeout_s for one."""

    def close(self) -> None:
        """End the connection; what was not acknowledged is nobody's but the sender's."""
