"""What names tell: a device's kind, its name without dates, and the zone of a known data set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kilowatch.core.device import Kind

if TYPE_CHECKING:
    from pathlib import Path

# In order, for names hold each other: a dishwasher is no washer, a water heater no heater.
_PARTS: tuple[tuple[str, Kind], ...] = (
    ("dishwasher", Kind.DISHWASHER),
    ("geschirr", Kind.DISHWASHER),
    ("washing", Kind.WASHER),
    ("washer", Kind.WASHER),
    ("waschmaschine", Kind.WASHER),
    ("dryer", Kind.DRYER),
    ("freezer", Kind.FREEZER),
    ("fridge", Kind.FRIDGE),
    ("refrigerator", Kind.FRIDGE),
    ("kuehlschrank", Kind.FRIDGE),
    ("kettle", Kind.KETTLE),
    ("wasserkocher", Kind.KETTLE),
    ("microwave", Kind.MICROWAVE),
    ("oven", Kind.OVEN),
    ("coffee", Kind.COFFEE),
    ("espresso", Kind.COFFEE),
    ("television", Kind.TV),
    ("tvreceiver", Kind.TV),
    ("fernseher", Kind.TV),
    ("monitor", Kind.SCREEN),
    ("projector", Kind.SCREEN),
    ("beamer", Kind.SCREEN),
    ("desktop", Kind.COMPUTER),
    ("laptop", Kind.COMPUTER),
    ("computer", Kind.COMPUTER),
    ("ethernetswitch", Kind.ROUTER),
    ("router", Kind.ROUTER),
    ("modem", Kind.ROUTER),
    ("server", Kind.SERVER),
    ("lamp", Kind.LAMP),
    ("light", Kind.LAMP),
    ("water_heater", Kind.WATER_HEATER),
    ("waterheater", Kind.WATER_HEATER),
    ("boiler", Kind.WATER_HEATER),
    ("heater", Kind.HEATER),
    ("radiator", Kind.HEATER),
    ("hvac", Kind.HVAC),
    ("air_con", Kind.HVAC),
    ("aircon", Kind.HVAC),
    ("chiller", Kind.HVAC),
    ("elevator", Kind.LIFT),
    ("socket", Kind.SOCKETS),
)
# As whole words alone: "ac" and "tv" stand within many others.
_WORDS: dict[str, Kind] = {
    "tv": Kind.TV,
    "screen": Kind.SCREEN,
    "pc": Kind.COMPUTER,
    "nas": Kind.SERVER,
    "ac": Kind.HVAC,
    "ahu": Kind.HVAC,
    "lift": Kind.LIFT,
    "lifts": Kind.LIFT,
    "ups": Kind.UPS,
    "ventilator": Kind.MEDICAL,
    "cpap": Kind.MEDICAL,
    "medical": Kind.MEDICAL,
}
_METERS = frozenset({"meter", "total", "main", "mains", "grid", "household", "building", "aggregate"})
_ZONES = (
    ("combed", "Asia/Kolkata"),
    ("iiitd", "Asia/Kolkata"),
    ("tracebase", "Europe/Berlin"),
    ("uci", "Europe/Paris"),
)
_DATES = re.compile(r"[_\-. ]*(?:19|20)\d\d[_\-.]?[01]\d(?:[_\-.]?[0-3]\d)?(?!\d)")


def slug(name: str) -> str:
    """Return a name in lower case with single underscores: "TV-LCD" is "tv_lcd"."""
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")


def device_of(path: Path) -> str:
    """Return a device's name from its file: the stem without dates."""
    return slug(_DATES.sub("", path.stem)) or slug(path.stem) or "device"


def site_of(path: Path) -> str:
    """Return a site's name from the folder that holds the file."""
    return slug(path.resolve().parent.name) or "home"


def kind_of(*names: str) -> Kind:
    """Return the kind that the first telling name tells."""
    for name in map(slug, names):
        words = set(name.split("_"))
        by_word = next((kind for word, kind in _WORDS.items() if word in words), None)
        by_part = next((kind for part, kind in _PARTS if part in name), None)
        kind = by_word or by_part or (Kind.METER if words & _METERS else None)
        if kind is not None:
            return kind
    return Kind.UNKNOWN


def zone_of(path: Path) -> str | None:
    """Return the zone of a data set that the path names."""
    # The nearest five: further up names tell of the machine, not of the data.
    folders = [slug(part) for part in path.resolve().parts[:-6:-1]]
    found = (zone for folder in folders for part, zone in _ZONES if part in folder.split("_"))
    return next(found, None)
