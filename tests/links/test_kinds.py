from __future__ import annotations

from pathlib import Path

import pytest

from kilowatch.core.device import Kind
from kilowatch.links.files.kinds import device_of, kind_of, site_of, slug, zone_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("refrigerator_dev_d32131", Kind.FRIDGE),
        ("fridge_1", Kind.FRIDGE),
        ("academic_block_ahu_0", Kind.HVAC),
        ("academic_block_lifts_0", Kind.LIFT),
        ("academic_block_floor_total_1", Kind.METER),
        ("academic_block_building_total_mains_0", Kind.METER),
        ("academic_block_power_sockets_3", Kind.SOCKETS),
        ("academic_block_ups_sockets_3", Kind.UPS),
        ("tv_lcd_dev_b80e51", Kind.TV),
        ("digitaltvreceiver_dev_d330a3", Kind.TV),
        ("waterkettle_dev_d33e1f", Kind.KETTLE),
        ("washingmachine_dev_d338c9", Kind.WASHER),
        ("dishwasher_1", Kind.DISHWASHER),
        ("water_heater_1", Kind.WATER_HEATER),
        ("microwaveoven_dev_995fcc", Kind.MICROWAVE),
        ("pc_desktop_dev_d337c9", Kind.COMPUTER),
        ("monitor_tft_dev_99514c", Kind.SCREEN),
        ("ethernetswitch_switch", Kind.ROUTER),
        ("lamp_dev_c3e6d1", Kind.LAMP),
        ("household", Kind.METER),
        ("lamp_main_room", Kind.LAMP),
        ("sensor.freezer_power", Kind.FREEZER),
        ("plug_7", Kind.UNKNOWN),
        ("", Kind.UNKNOWN),
    ],
)
def test_names_tell_kinds(name: str, kind: Kind) -> None:
    assert kind_of(name) is kind


def test_the_first_telling_name_wins() -> None:
    assert kind_of("dev_7", "TV-LCD") is Kind.TV
    assert kind_of("fridge", "TV-LCD") is Kind.FRIDGE


def test_device_and_site_from_the_path() -> None:
    assert device_of(Path("uci/household_2006-12-16_2008-12-31.parquet")) == "household"
    assert device_of(Path("Fridge 2024-05.csv")) == "fridge"
    assert device_of(Path("2024-05-01.csv")) == "2024_05_01"
    assert device_of(Path("meter 20240501.csv")) == "meter"
    assert device_of(Path("dev_98765.csv")) == "dev_98765"
    assert site_of(Path("/x/My Home/fridge.csv")) == "my_home"
    assert site_of(Path("/fridge.csv")) == "home"
    assert slug("TV-LCD  (2)") == "tv_lcd_2"


def test_folders_of_known_data_sets_tell_the_zone() -> None:
    assert zone_of(Path("/x/combed/a.parquet")) == "Asia/Kolkata"
    assert zone_of(Path("/x/tracebase/complete/TV/a.csv")) == "Europe/Berlin"
    assert zone_of(Path("/x/uci_household/a.parquet")) == "Europe/Paris"
    assert zone_of(Path("/x/lucid/a.parquet")) is None
