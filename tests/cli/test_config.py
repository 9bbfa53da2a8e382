"""`kilowatch config`: shows every setting with its origin and no secret, checks, and writes a file that loads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cli.homes import called, run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_init_writes_a_file_that_makes_sense_and_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "kilowatch.toml"
    assert called("config", "init", str(file)).code == 0
    assert called("config", "check", "-c", str(file)).code == 0
    again = run("config", "init", str(file))
    assert again.code == 2
    assert "--force" in again.err


def test_what_is_commented_out_in_the_file_makes_sense_too(tmp_path: Path) -> None:
    file = tmp_path / "kilowatch.toml"
    called("config", "init", str(file))
    lines = [
        line.removeprefix("# ") if line.startswith(("# [", "# ")) and ("=" in line or "[" in line) else line
        for line in file.read_text().splitlines()
        if "KILOWATCH" not in line
    ]
    file.write_text("\n".join(lines))
    for word in ("mqtt-password", "tv-plug-password"):
        (tmp_path / word).write_text("x")
    said = called("config", "show", "-c", str(file), "--json")
    names = {row["name"] for row in json.loads(said.out)["settings"]}
    assert {"sources.mqtt.home.host", "devices.tv.plug"} <= names


def test_show_prints_origin_and_hides_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILOWATCH_KAFKA__PASSWORD", "hunter22")
    said = called("config", "show")
    assert said.code == 0
    assert "environment KILOWATCH_KAFKA__PASSWORD" in " ".join(said.out.split())
    rows = {row["name"]: row for row in json.loads(called("config", "show", "--json").out)["settings"]}
    assert rows["kafka.password"]["value"] == "set"
    assert rows["sources.push.token"]["value"] == "not set"
    assert rows["site.name"] == {"name": "site.name", "value": "home", "origin": "default"}
    assert "hunter22" not in said.out + json.dumps(rows)


def test_check_refuses_a_plug_of_no_known_make(tmp_path: Path) -> None:
    (tmp_path / "kilowatch.toml").write_text('[devices.kettle]\nplug = "shely2://10.0.0.7/0"\n')
    said = run("config", "check", cwd=tmp_path)
    assert said.code == 2
    assert "shely2://10.0.0.7/0" in said.err


def test_check_refuses_a_detector_that_there_is_not(tmp_path: Path) -> None:
    (tmp_path / "kilowatch.toml").write_text('[detector]\nname = "nothing"\n')
    said = run("config", "check", cwd=tmp_path)
    assert said.code == 2
    assert "no detector 'nothing'" in said.err
    assert "isolation_forest" in said.err


def test_check_exits_with_2_and_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "kilowatch.toml").write_text("[sight]\n")
    said = run("config", "check", cwd=tmp_path)
    assert said.code == 2
    assert "site" in said.err
    assert said.out == ""
