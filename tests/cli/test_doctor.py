"""`kilowatch doctor`: each finding is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.homes import called
from kilowatch.app import doctor
from kilowatch.core.outputs_live import Check, Mark

if TYPE_CHECKING:
    from pathlib import Path


def test_a_lone_finding_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lone = Check(name="settings", mark=Mark.OK, found="all is well", fix="")
    monkeypatch.setattr(doctor, "checks", lambda *_: iter([lone]))
    assert called("doctor").out.count("all is well") == 1
    (tmp_path / "kilowatch.toml").write_text("[site")
    said = called("doctor")
    assert (said.code, said.out.count("settings:")) == (1, 1)


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("logs", 0, "files logger: 1 file, the newest written"),
        ("logs/*.jsonl", 0, "no file yet"),
        ("nowhere", 1, "No such file or directory"),
    ],
)
def test_followed_files_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "tv.csv").write_text("time,power\n")
    (tmp_path / "kilowatch.toml").write_text(f'[sources.files.logger]\npath = "{path}"\n')
    told = called("doctor")
    assert (told.code, " ".join(told.out.split()).count(said)) == (code, 1)


def test_nobody_to_read_from_and_too_little_time_to_learn_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kilowatch.toml").write_text("[detector]\nlearning_days = 2\n")
    told = " ".join(called("doctor").out.split())
    assert "none, and kilowatch run wants one" in told
    assert "2 days: methods that need two days of their own stay silent" in told
    (tmp_path / "kilowatch.toml").write_text("[sources.sim]\nenabled = true\n")
    told = " ".join(called("doctor").out.split())
    assert "wants one" not in told
    assert "stay silent" not in told
