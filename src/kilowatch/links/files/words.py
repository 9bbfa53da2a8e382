"""What column names tell: which column holds the time, the power, the energy register and the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from kilowatch.links.files.source import PowerUnit


class Role(StrEnum):
    """What a column is for."""

    TIME = "time"
    POWER = "power"
    ENERGY = "energy"
    VOLTAGE = "voltage"
    CURRENT = "current"
    ON = "on"
    DEVICE = "device"
    SITE = "site"
    UNIT = "unit"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Here and below the surest words first: how far down a name stands ranks it among the columns.
_TIME = (
    _set("timestamp timestamps datetime ts ctime utc unix epoch zeitstempel localminute"),
    _set("time date clock when zeit datum uhrzeit"),
    _set("changed updated recorded received created measured"),
)
_NOT_TIME = _set("zone duration elapsed on off runtime")
_POWER = (
    _set("power watt watts leistung wirkleistung apower puissance activepower potenza"),
    _set("w kw"),
    _set("load consumption usage demand draw verbrauch use"),
    _set("state value reading measurement wert"),
)
_NOT_POWER = _set(
    "reactive kvar var va kva apparent factor pf energy kwh wh mwh register counter voltage volt volts freq "
    "frequency temperature humidity price cost label index min max limit rated rating std status unit units"
)
_ENERGY = _set("energy kwh wh mwh register counter import zaehlerstand energie total_kwh meterreading")
_NOT_ENERGY = _set("sub reactive kvarh export exported feed returned cost price power")
_VOLTAGE = _set("voltage volt volts v spannung")
_CURRENT = _set("current amp amps ampere amperes a intensity strom")
_ON = _set("on switch relay output ison")
_DEVICE = (
    _set("device deviceid plug appliance entity mac serial geraet"),
    _set("meter sensor meterid dataid lclid"),
    _set("name id channel circuit"),
)
_SITE = _set("site home household house building location tenant apartment flat haus")
_UNIT = _set("unit units uom einheit")


@dataclass(frozen=True, slots=True)
class ColumnWords:
    """The words of one column's name, in lower case."""

    name: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, name: str) -> ColumnWords:
        """Split a name at capitals, marks and brackets: "activePower (kW)" has active, power and kw."""
        # After two small letters alone, so that kWh and kW stay whole.
        spaced = re.sub(r"(?<=[a-z]{2})(?=[A-Z])", " ", name)
        words = tuple(word for word in re.split(r"[\W_]+", spaced.lower()) if word)
        return cls(name, words)

    def has(self, words: frozenset[str]) -> bool:
        """Whether any of the words is in the name."""
        return not words.isdisjoint(self.words)

    @property
    def tells_no_power(self) -> bool:
        """Whether the name is of something that is not active power."""
        return self.has(_NOT_POWER)

    @property
    def unit(self) -> PowerUnit | None:
        """The unit of power that the name tells."""
        if self.has(_set("kw kilowatt kilowatts")):
            return PowerUnit.KW
        return PowerUnit.W if self.has(_set("w watt watts")) else None

    @property
    def energy_wh(self) -> float | None:
        """Watt-hours in one of the unit that the name tells."""
        units = {"kwh": 1e3, "mwh": 1e6, "wh": 1.0}
        return next((units[word] for word in self.words if word in units), None)


def rank(words: ColumnWords, role: Role) -> int | None:
    """Return how well a name fits a role, 0 best, None where it does not."""
    if role is Role.POWER:
        return None if words.tells_no_power else _first(words, _POWER)
    if role is Role.DEVICE:
        return _first(words, _DEVICE)
    if role is Role.ENERGY:
        return 0 if words.has(_ENERGY) and not words.has(_NOT_ENERGY) else None
    if role is Role.TIME:
        return None if words.has(_NOT_TIME) else _first(words, _TIME)
    plain = {Role.VOLTAGE: _VOLTAGE, Role.CURRENT: _CURRENT, Role.ON: _ON, Role.SITE: _SITE, Role.UNIT: _UNIT}
    return 0 if words.has(plain[role]) else None


def _first(words: ColumnWords, levels: tuple[frozenset[str], ...]) -> int | None:
    return next((level for level, known in enumerate(levels) if words.has(known)), None)
