"""The demo's buttons: what can go wrong, as the page offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.demo import stage
from kilowatch.demo.catalogue import faults_of
from kilowatch.web.page.mischief import Trick

if TYPE_CHECKING:
    from kilowatch.demo.live import LiveDemo

_MINUTE_S = 60.0


class Tricks:
    """Keeps `kilowatch.web.page.mischief.Mischief` for a demo that runs."""

    def __init__(self, live: LiveDemo) -> None:
        self._live = live

    def tricks(self) -> list[Trick]:
        """Return what can go wrong, what is found soonest first."""
        return [
            Trick(
                device=fault.device,
                name=fault.name,
                meaning=fault.meaning,
                within_s=None if fault.within_min is None else fault.within_min * _MINUTE_S / stage.SPEED,
            )
            for fault in faults_of(self._live.kinds)
        ]

    def play(self, device: str, name: str) -> str:
        """Let something go wrong and return in words what; `ConfigError` where that cannot be."""
        return self._live.trigger(device, name)
