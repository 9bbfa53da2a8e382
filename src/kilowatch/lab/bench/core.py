"""`kilowatch bench core`: a fleet from a thousand devices to a million, and the replay of a meter-month."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.lab.bench import fleet, replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from kilowatch.core.outputs import BenchRow


def rows(say: Callable[[str], None], *, quick: bool) -> list[BenchRow]:
    """Measure everything; `quick` leaves out the million devices."""
    say("replay of a meter-month")
    return replay.rows() + fleet.rows(say, quick=quick)
