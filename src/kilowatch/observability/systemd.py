"""Tells systemd how a service of `Type=notify` fares: ready, still alive, about to end (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Systemd:
    """The service manager that started us, and silence where it was another. `turned` is for a loop's every turn.

    It is the loop that tells, never a thread of its own: a process whose loop hangs must fall silent, so that systemd
    ends and restarts it. clock: monotonic, s.
    """

    def __init__(
        self, environment: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        # Three times in the time that systemd waits: one late turn must not end us.
        self._every_s = _watchdog_s(environment) / 3
        self._clock = clock
        self._told_at: float | None = None

    def turned(self) -> None:
        """Note that the loop lives: the first time we are ready, later we are still alive."""
        now = self._clock()
        if self._told_at is None:
            self._told_at = now
            self._tell("READY=1\nSTATUS=Watching.\nWATCHDOG=1")
        elif self._every_s and now - self._told_at >= self._every_s:
            self._told_at = now
            self._tell("WATCHDOG=1")

    def ends(self) -> None:
        """Note that we were told to stop, and save what there is."""
        self._tell("STOPPING=1\nSTATUS=Saving.")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        # An @ stands for the NUL byte of an abstract socket's address.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            # The loop itself speaks: it must not hang on a manager that does not read.
            speaker.settimeout(1.0)
            try:
                speaker.sendto(state.encode(), address)
            except OSError:
                # A manager that does not listen is no reason to stop watching.
                return


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Return how long we may be silent, s; 0 where nobody waits for us."""
    # Children inherit the variables, but systemd waits for the process that it started.
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    told = environment.get("WATCHDOG_USEC", "")
    return int(told) / 1e6 if told.isdigit() else 0.0
