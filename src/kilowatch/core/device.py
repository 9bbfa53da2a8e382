"""Who the devices are: records as people and discovery know them, and one row of traits for each in arrays."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

import msgspec
import numpy as np

from kilowatch.errors import ConfigError, StateError


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
    def hold_s(self) -> float:
        """How long a value holds when the device says nothing more."""
        if self.heartbeat_s is not None:
            return self.heartbeat_s
        own = self.interval_s or DEFAULT_INTERVAL_S
        return 3600.0 if self.reporting is Reporting.ON_CHANGE else max(3 * own, 3 * DEFAULT_INTERVAL_S)


def first_seen(site: str, device: str, kind: Kind = Kind.UNKNOWN, **known: Any) -> DeviceRecord:
    """Return the record of a device nobody has described: protected where its kind is, never armed."""
    return DeviceRecord(site=site, device=device, kind=kind, protected=kind in PROTECTED_KINDS, **known)


class Fleet:
    """All devices of a process: (site, device) to slot, the records, and their traits as arrays over slots."""

    frozen_not: ClassVar[tuple[str, ...]] = ("_slots",)
    frozen_types: ClassVar[tuple[type, ...]] = (DeviceRecord,)

    def __init__(self, records: list[DeviceRecord] | None = None) -> None:
        self.records: list[DeviceRecord] = []
        self._slots: dict[tuple[str, str], int] = {}
        self.grid_ms = np.empty(0, dtype=np.int64)
        self.hold_ms = np.empty(0, dtype=np.int64)
        self.interval_ms = np.empty(0, dtype=np.int64)
        self.rating_w = np.empty(0, dtype=np.float64)
        self.off_below_w = np.empty(0, dtype=np.float32)
        self.on_change = np.empty(0, dtype=np.bool_)
        for record in records or ():
            self.add(record)

    def __len__(self) -> int:
        return len(self.records)

    def slot(self, site: str, device: str) -> int | None:
        """Return the slot of a device, None where it is unknown."""
        return self._slots.get((site, device))

    def add(self, record: DeviceRecord) -> int:
        """Take a new device in and return its slot; `ConfigError` where it is known already."""
        key = (record.site, record.device)
        if key in self._slots:
            raise ConfigError(f"Device {record.device} of site {record.site} is known already.")
        slot = len(self.records)
        self.records.append(record)
        self._slots[key] = slot
        self._reserve(slot + 1)
        self._write(slot, record)
        return slot

    def update(self, record: DeviceRecord) -> int:
        """Replace the record of a known device and return its slot."""
        slot = self._slots[record.site, record.device]
        self.records[slot] = record
        self._write(slot, record)
        return slot

    def thawed(self) -> None:
        """Find the devices of a saved state by name again; `StateError` where it does not hold together."""
        self._slots = {(record.site, record.device): slot for slot, record in enumerate(self.records)}
        if len(self._slots) != len(self.records) or len(self.records) > len(self.grid_ms):
            raise StateError("The devices of a saved state do not fit its arrays.", "Use an older state.")

    def _reserve(self, size: int) -> None:
        if size <= len(self.grid_ms):
            return
        room = max(8, size, 2 * len(self.grid_ms))
        for name in ("grid_ms", "hold_ms", "interval_ms", "rating_w", "off_below_w", "on_change"):
            setattr(self, name, grown(getattr(self, name), room))

    def _write(self, slot: int, record: DeviceRecord) -> None:
        self.grid_ms[slot] = round(record.grid_s * 1000)
        self.hold_ms[slot] = round(record.hold_s * 1000)
        self.interval_ms[slot] = round((record.interval_s or DEFAULT_INTERVAL_S) * 1000)
        self.rating_w[slot] = np.inf if record.rating_w is None else record.rating_w
        self.off_below_w[slot] = record.off_below_w
        self.on_change[slot] = record.reporting is Reporting.ON_CHANGE


def grown(array: Any, rows: int, fill: Any = 0) -> Any:
    """Return a copy of array with `rows` rows, new ones set to fill; the array itself where it is large enough."""
    if rows <= len(array):
        return array
    out = np.full((rows, *array.shape[1:]), fill, dtype=array.dtype)
    out[: len(array)] = array
    return out
