"""`kilowatch support-bundle`: helpful, and without anything that is nobody's business."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from cli.homes import called
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[data]
folder = "{folder}"

[sources.mqtt.home]
host = "127.0.0.1"
port = 9
username = "meter"
password_file = "{folder}-secret"
"""


def bundle(tmp_path: Path, settings: str) -> dict[str, Any]:
    file = tmp_path / "kilowatch.toml"
    (tmp_path / "data-secret").write_text("hunter2", encoding="utf-8")
    file.write_text(settings.format(folder=tmp_path / "data"), encoding="utf-8")
    said = called("support-bundle", tmp_path / "support.zip", "--config", file)
    assert said.code == 0
    with zipfile.ZipFile(tmp_path / "support.zip") as packed:
        return {name: json.loads(packed.read(name)) for name in packed.namelist()}


def test_it_holds_versions_settings_and_what_doctor_finds(tmp_path: Path) -> None:
    parts = bundle(tmp_path, SETTINGS)
    assert set(parts) == {"machine.json", "settings.json", "stored.json", "doctor.json"}
    assert parts["machine.json"]["packages"]["numpy"]
    assert any(check["mark"] == "fail" for check in parts["doctor.json"])


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    assert "hunter2" not in json.dumps(bundle(tmp_path, SETTINGS))


def test_settings_that_make_no_sense_are_part_of_the_story(tmp_path: Path) -> None:
    parts = bundle(tmp_path, "[data]\nfoldr = 3\n")
    assert "foldr" in parts["settings.json"]["error"]
    assert parts["machine.json"]["kilowatch"]


def test_it_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "support.zip").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError):
        called("support-bundle", tmp_path / "support.zip")
