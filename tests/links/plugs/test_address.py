"""Addresses of plugs: what they mean, and what none may hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.errors import ConfigError
from kilowatch.links.plugs import PlugAddress, PlugMake, open_plug, parse_address


@pytest.mark.parametrize(
    ("plug", "address"),
    [
        ("shelly2://192.168.1.20/0", PlugAddress(PlugMake.SHELLY2, "http://192.168.1.20", 0)),
        ("shelly2://192.168.1.20", PlugAddress(PlugMake.SHELLY2, "http://192.168.1.20", 0)),
        ("shelly1+https://plug.lan:8443/1", PlugAddress(PlugMake.SHELLY1, "https://plug.lan:8443", 1)),
        ("tasmota://[fd00::1]:80", PlugAddress(PlugMake.TASMOTA, "http://[fd00::1]:80", 1)),
        (
            "homeassistant:switch.tv?power=sensor.tv_power&energy=sensor.tv_energy",
            PlugAddress(PlugMake.HOME_ASSISTANT, "", 0, "switch.tv", "sensor.tv_power", "sensor.tv_energy"),
        ),
    ],
)
def test_an_address_has_its_parts(plug: str, address: PlugAddress) -> None:
    assert parse_address(plug) == address


@pytest.mark.parametrize(
    "plug",
    [
        "",
        "192.168.1.20",
        "http://192.168.1.20",
        "shelly3://host/0",
        "shelly2:///0",
        "shelly2://host/x",
        "shelly2://host/0/1",
        "shelly2://host/0?id=1",
        "shelly2://host:99999/0",
        "homeassistant:../../api",
        "homeassistant:switch.tv?power=x",
        "homeassistant:switch.tv?name=sensor.x",
    ],
)
def test_what_is_no_address_is_an_error_with_the_way_to_write_it(plug: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address(plug)
    assert [make for make in PlugMake if f" {make}:" not in caught.value.hint] == []


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_address("shelly2://admin:hunter22@192.168.1.20/0")
    assert "hunter22" not in str(caught.value)
    assert "password_file" in caught.value.hint


def test_home_assistant_must_be_set() -> None:
    with pytest.raises(ConfigError, match="Home Assistant"):
        open_plug("homeassistant:switch.tv")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["shelly2://", "homeassistant:", "tasmota+https://", ""]), st.text(max_size=30))
def test_any_text_is_an_address_or_a_named_error(start: str, rest: str) -> None:
    try:
        address = parse_address(start + rest)
    except ConfigError:
        return
    assert address.base.startswith("http") or address.entity
