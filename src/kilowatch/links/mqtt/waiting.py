"""Messages between the broker's thread and ours: bounded, and what was promised is never dropped."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessage


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message with the connection that it came over and the time at which it did, ms UTC."""

    epoch: int
    message: MQTTMessage
    received_ms: int


class Waiting:
    """A queue. QoS 0 is dropped when full; QoS 1 is bounded by the broker, which sends only so many unacknowledged."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._arrived: deque[Arrived] = deque()
        self._change = threading.Condition()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._arrived)

    def put(self, arrived: Arrived) -> bool:
        """Take a message in; False where it was dropped."""
        with self._change:
            if arrived.message.qos == 0 and len(self._arrived) >= self._most:
                return False
            self._arrived.append(arrived)
            self._change.notify()
        return True

    def take(self) -> Arrived | None:
        """Return the next message, waiting for one; None once closed."""
        with self._change:
            while not self._arrived and not self._is_closed:
                self._change.wait()
            return None if self._is_closed else self._arrived.popleft()

    def close(self) -> None:
        """Let whoever waits go; what is still here was never acknowledged, so the broker has it."""
        with self._change:
            self._is_closed = True
            self._change.notify_all()
