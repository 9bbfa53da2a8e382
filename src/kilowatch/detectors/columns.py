"""Arrays over slots: what a detector knows of each device, grown and saved together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.device import grown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Column:
    """One array over slots: its dtype, values a device (0: a single one), and what a new device starts with."""

    dtype: type[np.generic]
    width: int = 0
    fill: float = 0


class PerDevice:
    """Holds the arrays that `columns` names as attributes, one row a device."""

    columns: ClassVar[Mapping[str, Column]] = {}
    parts: tuple[PerDevice, ...] = ()
    """Others whose arrays belong to this one; their names must differ from its own."""

    def __init__(self) -> None:
        for name, column in self.columns.items():
            setattr(self, name, np.zeros((0, column.width) if column.width else 0, dtype=column.dtype))

    def reserve(self, devices: int) -> None:
        """Make room for so many devices; new ones are unfitted."""
        for name, column in self.columns.items():
            setattr(self, name, grown(getattr(self, name), devices, column.fill))
        for part in self.parts:
            part.reserve(devices)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name; write into them to load a snapshot."""
        arrays: dict[str, NDArray[np.generic]] = {name: getattr(self, name) for name in self.columns}
        for part in self.parts:
            arrays |= part.state()
        return arrays
