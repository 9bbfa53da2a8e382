"""A demo that plays for some seconds, for the tests that look at what became of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kilowatch.app.stores import DataFolder
from kilowatch.demo.live import LiveDemo, Staging

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def played(
    folder: Path, state: bytes, staging: Staging, seconds: float, until: Callable[[LiveDemo], bool] | None = None
) -> LiveDemo:
    """Play a demo for so many seconds, or until something has happened, and return it ended."""
    with LiveDemo(DataFolder(folder), state, staging) as live:
        live.begin()
        while live.elapsed_s() < seconds and not (until is not None and until(live)):
            live.turn()
            time.sleep(0.1)
    return live


def calls_of(live: LiveDemo) -> dict[str, int]:
    """Return how often each plug was told to switch, by its own log."""
    return {plug.outlet.device: sum(seen.switched is not None for seen in plug.seen) for plug in live.plugs}
