"""`kilowatch doctor`: each finding is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.homes import called
from kilowatch.app import doctor
from kilowatch.core.outputs_live import Check, Mark

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_lone_finding_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lone = Check(name="settings", mark=Mark.OK, found="all is well", fix="")
    monkeypatch.setattr(doctor, "checks", lambda *_: iter([lone]))
    assert called("doctor").out.count("all is well") == 1
    (tmp_path / "kilowatch.toml").write_text("[site")
    said = called("doctor")
    assert (said.code, said.out.count("settings:")) == (1, 1)
