"""From (site, device) to slots for a whole batch at once, those of devices that nobody knows included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import first_seen
from kilowatch.core.slots import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord, Fleet


class SlotMap:
    """The slots of a fleet's devices; it grows by those that are met."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def slots(
        self, sites: Sequence[str], devices: Sequence[str], sources: Sequence[str | None] | None = None
    ) -> NDArray[np.int32]:
        """Return int32[n], the slot of each row's device; those that nobody knows join the fleet as first seen."""
        slots = self._fleet.slots(sites, devices)
        unknown = np.flatnonzero(slots == UNKNOWN)
        if len(unknown):
            self._fleet.extend(_first_seen(unknown.tolist(), sites, devices, sources))
            slots[unknown] = self._fleet.slots([sites[row] for row in unknown], [devices[row] for row in unknown])
        return slots


def _first_seen(
    rows: list[int], sites: Sequence[str], devices: Sequence[str], sources: Sequence[str | None] | None
) -> list[DeviceRecord]:
    """Return a record for each device among the rows, in the order in which they came."""
    met: dict[tuple[str, str], DeviceRecord] = {}
    for row in rows:
        name = (sites[row], devices[row])
        if name not in met:
            met[name] = first_seen(*name, source=(sources[row] if sources else None) or "")
    return list(met.values())
