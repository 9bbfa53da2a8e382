"""`kilowatch serve`: what there is to serve, and that settings are checked before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from kilowatch.cli.serve import app
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_help_names_the_services() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    assert "detector" in said


def test_unknown_settings_are_refused_before_anything_is_started(tmp_path: Path) -> None:
    wrong = tmp_path / "kilowatch.toml"
    wrong.write_text('[kafka]\nbootstarp = "127.0.0.1:1"\n')
    with pytest.raises(ConfigError, match="bootst"):
        CliRunner().invoke(app, ["detector", "--config", str(wrong)], catch_exceptions=False)
