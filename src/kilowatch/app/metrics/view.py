"""The devices of all partitions side by side, as arrays to be summed by kind or ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.app.metrics.book import KINDS
from kilowatch.core.usage import EMPTY, DayRows, Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.app.metrics.book import Book
    from kilowatch.core.device import DeviceRecord
    from kilowatch.core.usage_site import SiteDays

UJ = 1e-6
MW = 1e-3


@dataclass(frozen=True, slots=True)
class View:
    """n devices of one book; kind, stage uint8[n], silent bool[n], power_w float64[n] 0 where silent, on bool[n].

    today: values int64[n, quantities] of each device's current local day · total_j int64[n] · last_s float64[n] ·
    clock_offset_s float64[n], how far each clock runs behind arrival.
    """

    records: Sequence[DeviceRecord]
    kind: NDArray[np.uint8]
    stage: NDArray[np.uint8]
    wanted: NDArray[np.float64]
    silent: NDArray[np.bool_]
    power_w: NDArray[np.float64]
    on: NDArray[np.bool_]
    today: NDArray[np.int64]
    total_j: NDArray[np.int64]
    last_s: NDArray[np.float64]
    clock_offset_s: NDArray[np.float64]

    @classmethod
    def of(cls, book: Book) -> View:
        """Return how the devices of a book stand."""
        book.reserve()
        size, ledger = len(book.fleet), book.ledger
        silent = book.silent()
        power_w = np.where(silent, 0.0, ledger.power_mw[:size] * MW)
        return cls(
            records=book.fleet.records,
            kind=book.kind[:size],
            stage=book.stage[:size],
            wanted=book.wanted[:size],
            silent=silent,
            power_w=power_w,
            # A milliwatt at least: by a limit of 0 a device that draws nothing would be on.
            on=power_w >= np.maximum(book.fleet.off_below_w[:size], MW),
            today=_today(book),
            total_j=ledger.days.total_j[:size],
            last_s=ledger.ts_ms[:size] / 1000,
            clock_offset_s=book.cleaner.clock_offset_ms() / 1000,
        )

    def by_kind(self, values: NDArray[np.number | np.bool_]) -> NDArray[np.float64]:
        """Return the sum of values [n] for each of KINDS."""
        return np.bincount(self.kind, weights=values.astype(np.float64), minlength=len(KINDS)).astype(np.float64)

    def sum(self, *quantities: Quantity) -> NDArray[np.int64]:
        """Return the sum of some of today's quantities, int64[n]."""
        return self.today[:, list(quantities)].sum(axis=1)

    @property
    def energy_today_j(self) -> NDArray[np.float64]:
        """Today's energy, float64[n] J."""
        return self.sum(Quantity.REGISTER_UJ, Quantity.INTEGRATED_UJ, Quantity.LOOSE_UJ) * np.float64(UJ)

    @property
    def cost_today(self) -> NDArray[np.float64]:
        """Today's cost, float64[n] in the tariff's currency."""
        return self.sum(Quantity.COST_PICO, Quantity.LOOSE_COST_PICO) * np.float64(1e-12)

    @property
    def gap_today_s(self) -> NDArray[np.float64]:
        """Today's silence whose energy nobody knows, float64[n] s."""
        return self.sum(Quantity.GAP_MS, Quantity.LOOSE_GAP_MS) / np.float64(1000)


def _today(book: Book) -> NDArray[np.int64]:
    """Return today's values of every device; a device that has not spoken today has used nothing that we know of."""
    size = len(book.fleet)
    slots = np.arange(size, dtype=np.int32)
    day = book.ledger.local_day(book.site_time.of(slots))
    # Even and odd days have a cell each; one that was not used today may still hold an older day.
    cells = 2 * slots.astype(np.intp) + day % 2
    days = book.ledger.days
    return np.where((days.day[cells] == day)[:, None], days.values[cells], EMPTY)


def site_days(book: Book) -> tuple[SiteDays, list[str]]:
    """Return today's meters against plugs of the sites of a book that have both, and the names of all its sites."""
    size = len(book.fleet)
    slots = np.arange(size, dtype=np.int32)
    day = book.ledger.local_day(book.site_time.of(slots)).astype(np.int32)
    return book.sites.compare(DayRows(slots, day, _today(book))), book.sites.names
