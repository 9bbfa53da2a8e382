"""Who the devices are: records as people and discovery know them, and one row of traits for each in arrays."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, SupportsIndex, overload

import msgspec
import numpy as np

from kilowatch.core.phase import phase_of
from kilowatch.core.slots import UNKNOWN, SlotTable
from kilowatch.errors import ConfigError, StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Stage(StrEnum):
    """How far kilowatch trusts itself with a device; only a person sets `armed`."""

    LEARNING = "learning"
    WATCHING = "watching"
    ARMED = "armed"


class Reporting(StrEnum):
    """Whether a device speaks at a steady interval or only when something changes."""

    PERIODIC = "periodic"
    ON_CHANGE = "on_change"


class ActsBy(StrEnum):
    """Which side owns the switch."""

    EDGE = "edge"
    CLOUD = "cloud"
    NONE = "none"


class Kind(StrEnum):
    """What a device is, as far as its power tells."""

    FRIDGE = "fridge"
    FREEZER = "freezer"
    TV = "tv"
    SCREEN = "screen"
    COMPUTER = "computer"
    KETTLE = "kettle"
    MICROWAVE = "microwave"
    OVEN = "oven"
    COFFEE = "coffee"
    WASHER = "washer"
    DISHWASHER = "dishwasher"
    DRYER = "dryer"
    LAMP = "lamp"
    HEATER = "heater"
    WATER_HEATER = "water_heater"
    HVAC = "hvac"
    LIFT = "lift"
    UPS = "ups"
    SOCKETS = "sockets"
    METER = "meter"
    ROUTER = "router"
    SERVER = "server"
    MEDICAL = "medical"
    UNKNOWN = "unknown"


PROTECTED_KINDS = frozenset({Kind.FRIDGE, Kind.FREEZER, Kind.MEDICAL, Kind.ROUTER, Kind.SERVER, Kind.UNKNOWN})
"""Protected from the start, until a person says otherwise."""

DEFAULT_INTERVAL_S = 30.0
"""Utomo & Hsiung, section IV: smart meters are read once every 30 s."""


class DeviceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=False):
    """A device, known by (site, device) everywhere. Optional fields are inferred from history where None."""

    site: str
    device: str
    version: int = 1
    kind: Kind = Kind.UNKNOWN
    rating_w: float | None = None
    off_below_w: float = 2.0
    interval_s: float | None = None
    reporting: Reporting = Reporting.PERIODIC
    heartbeat_s: float | None = None
    time_zone: str = "UTC"
    acts_by: ActsBy = ActsBy.NONE
    # The safe side: who makes a record and does not think of it must not have let go of a fridge.
    protected: bool = True
    stage: Stage = Stage.LEARNING
    source: str = ""
    plug: str | None = None
    alarms_per_week: float = 1.0
    min_w: float | None = None
    muted_until: int | None = None

    @property
    def grid_s(self) -> float:
        """The interval of the device's grid: its own, but never finer than DEFAULT_INTERVAL_S."""
        return max(self.interval_s or DEFAULT_INTERVAL_S, DEFAULT_INTERVAL_S)

    @property
    def is_paced(self) -> bool:
        """Whether anybody has said how often the device speaks."""
        return self.interval_s is not None or self.heartbeat_s is not None or self.reporting is Reporting.ON_CHANGE

    @property
    def hold_s(self) -> float:
        """How long a value holds when the device says nothing more."""
        if self.heartbeat_s is not None:
            return self.heartbeat_s
        own = self.interval_s or DEFAULT_INTERVAL_S
        return 3600.0 if self.reporting is Reporting.ON_CHANGE else max(3 * own, 3 * DEFAULT_INTERVAL_S)


def first_seen(site: str, device: str, kind: Kind = Kind.UNKNOWN, **known: Any) -> DeviceRecord:
    """Return the record of a device nobody has described: protected where its kind is, never armed."""
    return DeviceRecord(site=site, device=device, kind=kind, protected=kind in PROTECTED_KINDS, **known)


class Records(Sequence[DeviceRecord]):
    """Records by slot, made when they are asked for: names, and what few kinds of device have in common otherwise.

    A million records cost 0.1 GB so, not 0.4.
    """

    frozen_types: ClassVar[tuple[type, ...]] = (DeviceRecord,)
    frozen_not: ClassVar[tuple[str, ...]] = ("_number",)

    def __init__(self) -> None:
        self.sites: list[str] = []
        self.devices: list[str] = []
        self._patterns: list[DeviceRecord] = []
        self._pattern_of = np.empty(0, dtype=np.int32)
        self._number: dict[DeviceRecord, int] = {}

    def __len__(self) -> int:
        return len(self.sites)

    @overload
    def __getitem__(self, slot: SupportsIndex) -> DeviceRecord: ...
    @overload
    def __getitem__(self, slot: slice) -> list[DeviceRecord]: ...
    def __getitem__(self, slot: SupportsIndex | slice) -> DeviceRecord | list[DeviceRecord]:
        if isinstance(slot, slice):
            return [self[one] for one in range(len(self))[slot]]
        # A range counts and refuses as a list does; the arrays have room beyond the last device.
        at = range(len(self))[slot]
        pattern = self._patterns[self._pattern_of[at]]
        return msgspec.structs.replace(pattern, site=self.sites[at], device=self.devices[at])

    def __setitem__(self, slot: int, record: DeviceRecord) -> None:
        # Every home has a `fridge`: equal names share one string.
        self.sites[slot], self.devices[slot] = record.site, sys.intern(record.device)
        self._pattern_of[slot] = self._number_of(record)

    def append(self, record: DeviceRecord) -> None:
        """Add a record under the next slot."""
        slot = len(self)
        if slot >= len(self._pattern_of):
            self._pattern_of = grown(self._pattern_of, max(8, slot + slot // 4 + 1))
        self._pattern_of[slot] = self._number_of(record)
        self.sites.append(record.site)
        self.devices.append(sys.intern(record.device))

    def rejoin(self) -> None:
        """Share equal names again after a thaw; `StateError` where a saved state does not hold together."""
        size = len(self.sites)
        if len(self.devices) != size or len(self._pattern_of) < size:
            raise StateError("The devices of a saved state do not fit together.", "Use an older state.")
        if size and not 0 <= self._pattern_of[:size].min() <= self._pattern_of[:size].max() < len(self._patterns):
            raise StateError("A device of a saved state has no record.", "Use an older state.")
        self.devices[:] = map(sys.intern, self.devices)
        self._number = {pattern: number for number, pattern in enumerate(self._patterns)}

    def _number_of(self, record: DeviceRecord) -> int:
        pattern = msgspec.structs.replace(record, site="", device="")
        number = self._number.setdefault(pattern, len(self._patterns))
        if number == len(self._patterns):
            self._patterns.append(pattern)
        return number


_RETIRED = "\x1f"
"""Stands in the names of slots that were given up, and in no name that a person gives."""


def is_retired(record: DeviceRecord) -> bool:
    """Return whether this is what is left of a device that a person has deleted."""
    return _RETIRED in record.device


class Fleet:
    """All devices of a process: (site, device) to slot, the records, and their traits as arrays over slots."""

    # Hashes differ from process to process, and phases follow from names: `thawed` makes both again.
    frozen_not: ClassVar[tuple[str, ...]] = ("_slots", "phase")

    def __init__(self, records: list[DeviceRecord] | None = None) -> None:
        self.records = Records()
        self._slots = SlotTable()
        self.grid_ms = np.empty(0, dtype=np.int64)
        self.hold_ms = np.empty(0, dtype=np.int64)
        self.interval_ms = np.empty(0, dtype=np.int64)
        self.rating_w = np.empty(0, dtype=np.float64)
        self.off_below_w = np.empty(0, dtype=np.float32)
        self.on_change = np.empty(0, dtype=np.bool_)
        self.paced = np.empty(0, dtype=np.bool_)
        self.phase = np.empty(0, dtype=np.uint32)
        self.extend(records or [])

    def __len__(self) -> int:
        return len(self.records)

    def slot(self, site: str, device: str) -> int | None:
        """Return the slot of a device, None where it is unknown."""
        slot = int(self._slots.find([site], [device])[0])
        return None if slot == UNKNOWN else slot

    def slots(self, sites: Sequence[str], devices: Sequence[str]) -> NDArray[np.int32]:
        """Return int32[n], the slots of devices, `slots.UNKNOWN` where they have none."""
        return self._slots.find(sites, devices)

    def add(self, record: DeviceRecord) -> int:
        """Take a new device in and return its slot; `ConfigError` where it is known already."""
        self.extend([record])
        return len(self) - 1

    def extend(self, records: Sequence[DeviceRecord]) -> None:
        """Take new devices in; `ConfigError` where one is known already, and then none is taken in."""
        sites, devices = [record.site for record in records], [record.device for record in records]
        # Before anything is written: the slot table does not notice a name that comes twice until it holds both.
        self._check_new(sites, devices)
        self._slots.add(sites, devices)
        self._reserve(len(self) + len(records))
        for slot, record in enumerate(records, len(self)):
            self.records.append(record)
            self._write(slot, record)

    def update(self, record: DeviceRecord) -> int:
        """Replace the record of a known device and return its slot."""
        slot = self.slot(record.site, record.device)
        if slot is None:
            raise KeyError((record.site, record.device))
        self.records[slot] = record
        self._write(slot, record)
        return slot

    def retire(self, slot: int) -> None:
        """Take the name from a slot: nothing reaches it any more, and who speaks under that name is met anew."""
        record = self.records[slot]
        # Watching, for a name that nobody bears will never be learnt.
        self.records[slot] = msgspec.structs.replace(
            record, device=f"{record.device}{_RETIRED}{slot}", stage=Stage.WATCHING
        )
        self.thawed()

    def thawed(self) -> None:
        """Find the devices of a saved state by name again; `StateError` where it does not hold together."""
        self.records.rejoin()
        self._slots = SlotTable()
        if not self._slots.add(self.records.sites, self.records.devices) or len(self.records) > len(self.grid_ms):
            raise StateError("The devices of a saved state do not fit its arrays.", "Use an older state.")
        self.phase = np.zeros(len(self.grid_ms), dtype=np.uint32)
        names = zip(self.records.sites, self.records.devices, strict=True)
        self.phase[: len(self)] = np.fromiter((phase_of(*name) for name in names), dtype=np.uint32, count=len(self))

    def _check_new(self, sites: Sequence[str], devices: Sequence[str]) -> None:
        known = np.flatnonzero(self._slots.find(sites, devices) != UNKNOWN).tolist()
        if len(set(zip(sites, devices, strict=True))) < len(sites):
            names = Counter(zip(sites, devices, strict=True))
            known += [row for row, name in enumerate(zip(sites, devices, strict=True)) if names[name] > 1]
        if known:
            raise ConfigError(
                f"Device {devices[known[0]]} of site {sites[known[0]]} is known already.", "Name each device once."
            )

    def _reserve(self, size: int) -> None:
        if size <= len(self.grid_ms):
            return
        # By a quarter, not by half: of a million devices half of the room would lie empty.
        room = max(8, size, len(self.grid_ms) + len(self.grid_ms) // 4)
        for name in ("grid_ms", "hold_ms", "interval_ms", "rating_w", "off_below_w", "on_change", "paced", "phase"):
            setattr(self, name, grown(getattr(self, name), room))

    def _write(self, slot: int, record: DeviceRecord) -> None:
        self.grid_ms[slot] = round(record.grid_s * 1000)
        self.hold_ms[slot] = round(record.hold_s * 1000)
        self.interval_ms[slot] = round((record.interval_s or DEFAULT_INTERVAL_S) * 1000)
        # Endless where unknown, so that limits can be taken of all devices without asking.
        self.rating_w[slot] = np.inf if record.rating_w is None else record.rating_w
        self.off_below_w[slot] = record.off_below_w
        self.on_change[slot] = record.reporting is Reporting.ON_CHANGE
        self.paced[slot] = record.is_paced
        self.phase[slot] = phase_of(record.site, record.device)


def grown(array: Any, rows: int, fill: Any = 0) -> Any:
    """Return a copy of array with `rows` rows, new ones set to fill; the array itself where it is large enough."""
    if rows <= len(array):
        return array
    shape = (rows, *array.shape[1:])
    # Zeros by themselves take memory only once they are written to.
    out = np.full(shape, fill, dtype=array.dtype) if fill else np.zeros(shape, dtype=array.dtype)
    out[: len(array)] = array
    return out
