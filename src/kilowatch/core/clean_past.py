"""What cleaning remembers of each device, as arrays over slots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.core.device import grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.reading import ReadingBatch

UNKNOWN_AGE_MS = np.iinfo(np.int32).max
"""No clock offset known yet."""


_COLUMNS: tuple[tuple[str, type[np.generic], float, str], ...] = (
    ("newest_ms", np.int64, 0, "slot"),
    ("power_w", np.float32, 0, "slot"),
    ("held_ms", np.uint32, 0, "slot"),
    ("habit_ms", np.uint32, 0, "slot"),
    ("late_run", np.uint8, 0, "slot"),
    ("seen_ms", np.int64, 0, "slot"),
    ("seen_received_ms", np.int64, 0, "received_ms"),
    ("low_ms", np.int32, UNKNOWN_AGE_MS, "received_ms"),
    ("earlier_low_ms", np.int32, UNKNOWN_AGE_MS, "received_ms"),
    ("day", np.uint16, 0, "received_ms"),
    ("energy_wh", np.float64, np.nan, "energy_wh"),
    ("energy_ms", np.int64, 0, "energy_wh"),
    ("slip_run", np.int8, 0, "energy_wh"),
    ("newest_seq", np.int64, -1, "seq"),
)
"""Name, dtype, value of a new device, and the column of readings that brings it to life."""


class Past:
    """29 bytes a device; 18 more once arrival times are given, 17 with energy registers, 8 with `seq`.

    newest_ms: event time of the newest accepted reading, 0 for none · power_w: its power as sent · held_ms: how
    long that power has repeated · habit_ms: the longest such run that has ended · late_run: readings in a row on
    a clock that went back · seen_ms, seen_received_ms: the last reading that made sense, late ones included ·
    low_ms, earlier_low_ms: smallest age on arrival of day `day`, and of the day with readings before it ·
    energy_wh, energy_ms: last register and its time · slip_run: steps in a row that put the power a thousand
    times too low (above 0) or too high (below 0).
    """

    newest_ms: NDArray[np.int64]
    power_w: NDArray[np.float32]
    held_ms: NDArray[np.uint32]
    habit_ms: NDArray[np.uint32]
    late_run: NDArray[np.uint8]
    seen_ms: NDArray[np.int64]
    seen_received_ms: NDArray[np.int64]
    low_ms: NDArray[np.int32]
    earlier_low_ms: NDArray[np.int32]
    day: NDArray[np.uint16]
    energy_wh: NDArray[np.float64]
    energy_ms: NDArray[np.int64]
    slip_run: NDArray[np.int8]
    newest_seq: NDArray[np.int64]

    def __init__(self) -> None:
        for name, dtype, *_ in _COLUMNS:
            setattr(self, name, np.empty(0, dtype=dtype))

    def reserve(self, devices: int, batch: ReadingBatch) -> None:
        """Make room for so many devices in the columns that the batch needs."""
        room = len(self.newest_ms)
        if room < devices:
            room = max(devices, 2 * room)
        for name, _, fill, needs in _COLUMNS:
            # A column that nobody sends costs nothing.
            if getattr(batch, needs) is not None:
                setattr(self, name, grown(getattr(self, name), room, fill))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return every array over slots in use, by name."""
        columns = {name: getattr(self, name) for name, *_ in _COLUMNS}
        return {name: column for name, column in columns.items() if len(column)}
