from __future__ import annotations

import pytest

from kilowatch.links.files.source import PowerUnit
from kilowatch.links.files.words import ColumnWords, Role, rank


def roles_of(name: str) -> set[Role]:
    return {role for role in Role if rank(ColumnWords.of(name), role) is not None}


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("timestamp", {Role.TIME}),
        ("last_changed", {Role.TIME}),
        ("time_zone", set()),
        ("activePower", {Role.POWER}),
        ("global_reactive_power_kvar", set()),
        ("power_factor", set()),
        ("Leistung [kW]", {Role.POWER}),
        ("apower", {Role.POWER}),
        ("energy_kwh", {Role.ENERGY}),
        ("exported_energy_kwh", set()),
        ("voltage_v", {Role.VOLTAGE}),
        ("global_intensity_a", {Role.CURRENT}),
        ("is_on", {Role.ON}),
        ("meterId", {Role.DEVICE}),
        ("home", {Role.SITE}),
        ("unit_of_measurement", {Role.UNIT}),
        ("label", set()),
    ],
)
def test_names_tell_roles(name: str, roles: set[Role]) -> None:
    assert roles_of(name) == roles


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Global_active_power", ("global", "active", "power")),
        ("powerW", ("power", "w")),
        ("energy (kWh)", ("energy", "kwh")),
        ("", ()),
    ],
)
def test_names_split_into_words(name: str, words: tuple[str, ...]) -> None:
    assert ColumnWords.of(name).words == words


def test_names_tell_units() -> None:
    units = {name: ColumnWords.of(name).unit for name in ("power_kw", "Watts", "power", "load kilowatts")}
    assert units == {"power_kw": PowerUnit.KW, "Watts": PowerUnit.W, "power": None, "load kilowatts": PowerUnit.KW}
    assert [ColumnWords.of(name).energy_wh for name in ("kwh", "energy_wh", "MWh", "energy")] == [1e3, 1.0, 1e6, None]
