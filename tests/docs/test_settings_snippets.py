"""Settings that the docs show load as they stand, and their plugs and mappings are understood."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from docs.snippets import ROOT, Snippet, settings_snippets
from kilowatch.config import load_config
from kilowatch.config.sources import SourcesConfig
from kilowatch.links.decode import generic
from kilowatch.links.plugs import PlugMake, parse_address

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.config import Config

SHOWN = settings_snippets()
ELSEWHERE = "\n[sources.mqtt.home]\n"
"""The broker that a snippet names and another one of its page sets up."""
BY_DEVICES = frozenset({"poll"})
"""What each device with a plug brings along, so that nobody needs to name it."""


def loaded(text: str, folder: Path) -> Config:
    """Load settings with the files of secrets that they name."""
    for name in re.findall(r'^(?:\w+_file) = "([^"]+)"', text, re.MULTILINE):
        (folder / name).write_text("correct horse battery", encoding="utf-8")
    if 'broker = "home"' in text and "home" not in tomllib.loads(text).get("sources", {}).get("mqtt", {}):
        text += ELSEWHERE
    file = folder / "kilowatch.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, {}).config


def test_there_are_some_for_every_make() -> None:
    assert len(SHOWN) >= 14
    text = "".join(one.body for one in SHOWN)
    assert [make for make in PlugMake if f'plug = "{make}:' not in text] == []


def test_there_are_some_for_every_source() -> None:
    text = "".join(one.body for one in SHOWN)
    named = [name for name in SourcesConfig.__struct_fields__ if name not in BY_DEVICES]
    assert [name for name in named if f"[sources.{name}" not in text] == []


@pytest.mark.parametrize("snippet", [pytest.param(one, id=one.name) for one in SHOWN])
def test_they_load(snippet: Snippet, tmp_path: Path) -> None:
    config = loaded(snippet.body, tmp_path)
    for device in config.devices.values():
        assert device.plug is None or parse_address(device.plug)


def test_the_mapping_reads_the_message_beside_it(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "plugs.md").read_text(encoding="utf-8")
    (text,) = (one.body for one in SHOWN if ".mappings." in one.body)
    (mapping,) = loaded(text, tmp_path).sources.mqtt["home"].mappings.values()
    (message,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (report,) = generic.decode(mapping, "energy/cellar/state", message.encode(), 0, ZoneInfo("UTC"))
    assert (report.device, report.power_w, report.energy_wh) == ("cellar", 420.0, 1_234_500.0)
    assert report.ts_ms == 1_767_225_600_000
    assert json.loads(message)["electricity"]["power_kw"] == 0.42
