"""Arrays over slots: what a detector knows of each device, grown and saved together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Column:
    """One array over slots: its dtype, values a device (0: a single one), and what a new device starts with.

    by_place: values at one place lie together in memory, for all devices. A batch reads one hour of the week of many
    devices; side by side these cost a tenth of what one cache miss each would.
    """

    dtype: type[np.generic]
    width: int = 0
    fill: float = 0
    by_place: bool = False

    def grown(self, array: NDArray[np.generic], devices: int) -> NDArray[np.generic]:
        """Return the array with room for so many devices; itself where it is large enough."""
        if devices <= len(array):
            return array
        shape: tuple[int, ...] = (devices, *array.shape[1:])
        order: Literal["F", "C"] = "F" if self.by_place else "C"
        # Zeros by themselves take memory only once they are written to.
        out = np.full(shape, self.fill, self.dtype, order) if self.fill else np.zeros(shape, self.dtype, order)
        out[: len(array)] = array
        return out


class PerDevice:
    """Holds the arrays that `columns` names as attributes, one row a device."""

    frozen_not: ClassVar[tuple[str, ...]] = ("columns",)
    columns: ClassVar[Mapping[str, Column]] = {}
    parts: tuple[PerDevice, ...] = ()
    """Others whose arrays belong to this one; their names must differ from its own."""

    def __init__(self) -> None:
        for name, column in self.columns.items():
            setattr(self, name, np.zeros((0, column.width) if column.width else 0, dtype=column.dtype))

    def reserve(self, devices: int) -> None:
        """Make room for so many devices; new ones are unfitted."""
        for name, column in self.columns.items():
            setattr(self, name, column.grown(getattr(self, name), devices))
        for part in self.parts:
            part.reserve(devices)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return every array over slots, by name; write into them to load a snapshot."""
        arrays: dict[str, NDArray[np.generic]] = {name: getattr(self, name) for name in self.columns}
        for part in self.parts:
            arrays |= part.state()
        return arrays
