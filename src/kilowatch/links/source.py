"""What every source of readings promises: messages as they came, and a way to say that they are safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from kilowatch.core.device import DeviceRecord


def no_ack() -> None:
    """Acknowledge to nobody: polled and QoS 0 sources are at most once."""


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """One message as it came from outside, judged by nobody.

    source: the link and its name, "mqtt:home". payload: JSON of one `Reading` or of `ReadingColumns` of one site, or
    the raw bytes where no decoder could read them. reason: why it could not be read, None where it could.
    received_ms: wall clock, UTC. ack: call once, from any thread, as soon as the message is safe (acknowledged by
    Kafka, committed by the edge store, or kept as rejected). topic: of raw bytes, by which they can be decoded again,
    empty where there is none. is_retained: a broker had kept it, so it is old by nobody knows how much.
    """

    source: str
    payload: bytes
    reason: str | None
    received_ms: int
    ack: Callable[[], None] = no_ack
    topic: str = ""
    is_retained: bool = False


Put: TypeAlias = Callable[[SourceMessage], None]
"""Takes a message from a source; blocks while the queue behind it is full."""

OnDevices: TypeAlias = "Callable[[list[DeviceRecord]], None]"
"""Takes the devices that a source knows of, as first seen; called again whenever the list grows or changes."""


class Source(Protocol):
    """Something that readings come from; runs threads of its own between start and stop."""

    @property
    def name(self) -> str:
        """The link and its name, as in the messages: "mqtt:home"."""

    def start(self, put: Put) -> None:
        """Begin to hand messages to `put`; `ComponentError` or `ConfigError` where it can never work."""

    def stop(self) -> None:
        """Hand over nothing more, and return once the threads have ended; messages not acknowledged stay so."""
