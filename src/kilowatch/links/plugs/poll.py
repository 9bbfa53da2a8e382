"""Reads plugs over HTTP, each at its own steady interval, in a thread of its own so that none waits for another."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kilowatch.core.events import WIRE_V, Reading
from kilowatch.core.plug import PlugFailedError
from kilowatch.errors import PlugError
from kilowatch.links.source import SourceMessage
from kilowatch.links.wall import wall_ms
from kilowatch.observability.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kilowatch.core.ports import Plug, PlugReading
    from kilowatch.links.source import Put

log = logging.getLogger("kilowatch.poll")
_ROUNDING = 1e-6
"""Of an interval: sums of floats may lie a hair behind the grid."""


@dataclass(frozen=True, slots=True)
class PolledPlug:
    """A device, the plug that it hangs on, and how often it is read, s."""

    device: str
    plug: Plug
    interval_s: float


class PollSource:
    """Polled readings of one site. At most once: what a plug did not tell in time is a gap.

    An answer that makes no sense is handed over as it came, to be kept as rejected; its topic is device and path.
    clock_ms: stamps the readings; the demo gives its own. backoff_most_s: longest pause between tries of a lost plug.
    """

    def __init__(
        self,
        site: str,
        plugs: Sequence[PolledPlug],
        *,
        presence: Presence | None = None,
        clock_ms: Callable[[], int] = wall_ms,
        backoff_most_s: float = 60.0,
        name: str = "poll",
    ) -> None:
        self.name = name
        self._site = site
        self._plugs = list(plugs)
        self._presence = presence or Presence(log, "plug")
        self._clock_ms = clock_ms
        self._backoff_most_s = backoff_most_s
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, put: Put) -> None:
        """Begin to read, the plugs spread over their interval so that they do not all answer at once."""
        for place, polled in enumerate(self._plugs):
            delay_s = polled.interval_s * place / len(self._plugs)
            thread = threading.Thread(
                target=self._poll, args=(polled, delay_s, put), name=f"poll {polled.device}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop reading and let the connections go."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        for polled in self._plugs:
            polled.plug.close()

    def _poll(self, polled: PolledPlug, delay_s: float, put: Put) -> None:
        next_s, failures = time.monotonic() + delay_s, 0
        while not self._stopping.wait(max(0.0, next_s - time.monotonic())):
            failures = 0 if self._read(polled, put) else failures + 1
            next_s = next_turn(next_s, time.monotonic(), polled.interval_s, failures, self._backoff_most_s)

    def _read(self, polled: PolledPlug, put: Put) -> bool:
        """Read a plug once and hand over what it says; False where it did not answer."""
        try:
            said = polled.plug.read()
        except PlugError as error:
            self._presence.lost(polled.device, str(error))
            self._refuse(polled.device, error, put)
            return False
        # What nobody thought of must not take a plug from its thread for good.
        except Exception as error:
            log.debug("Reading %s failed.", polled.device, exc_info=True)
            self._presence.lost(polled.device, f"its reading failed: {error!r}")
            return False
        self._presence.back(polled.device)
        # Without a meter there is no reading; that the plug answers counts all the same.
        if said.power_w is not None:
            # Stamped after the answer: a slow plug tells the power of then, not of when it was asked.
            now_ms = self._clock_ms()
            put(SourceMessage(self.name, self._payload(polled.device, said, said.power_w, now_ms), None, now_ms))
        return True

    def _refuse(self, device: str, error: PlugError, put: Put) -> None:
        answer = error.answer if isinstance(error, PlugFailedError) else None
        if answer is not None:
            topic = f"{device} {answer.path}"
            put(SourceMessage(self.name, answer.body, str(error), self._clock_ms(), topic=topic))

    def _payload(self, device: str, said: PlugReading, power_w: float, now_ms: int) -> bytes:
        return msgspec.json.encode(
            Reading(
                v=WIRE_V,
                site=self._site,
                device=device,
                ts_ms=now_ms,
                received_ms=now_ms,
                power_w=power_w,
                voltage_v=said.voltage_v,
                current_a=said.current_a,
                energy_wh=said.energy_wh,
                on=said.on,
                source=self.name,
            )
        )


def next_turn(turn_s: float, now_s: float, interval_s: float, failures: int, most_s: float) -> float:
    """Return when to read next: a whole number of intervals after the last turn, never in the past.

    After failures the interval doubles with each, up to most_s (but never under the interval itself), on the same
    grid of turns: so a plug that is back is read at its old times again.
    """
    pause_s = interval_s
    if failures:
        # A plug may be gone for months: from 1024 doublings on the float would overflow.
        pause_s = min(interval_s * 2.0 ** min(failures, 30), max(most_s, interval_s))
    earliest_s = max(turn_s + pause_s, now_s)
    turns = math.ceil((earliest_s - turn_s) / interval_s - _ROUNDING)
    return turn_s + turns * interval_s
