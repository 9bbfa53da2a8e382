"""The README keeps its word: its Python runs, and every command it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from kilowatch.cli.main import app
from kilowatch.detectors.registry import DetectorName

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
MAKEFILE = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_its_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert blocks("python")
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102 - what a reader would paste
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "words", sorted(set(re.findall(r"^ +kilowatch ((?:data |bench )?[a-z]+)", README, re.MULTILINE)))
)
def test_its_commands_are_there(words: str) -> None:
    result = CliRunner().invoke(app, [*words.split(), "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", README))))
def test_its_options_are_those_of_some_command(option: str) -> None:
    def options_of(command: Any) -> set[str]:
        own = {name for one in command.params for name in [*one.opts, *one.secondary_opts]}
        return own.union(*(options_of(child) for child in getattr(command, "commands", {}).values()))

    assert option in options_of(typer.main.get_command(app))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z]+)", README))))
def test_its_make_targets_are_there(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def test_its_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("https://") or (Path(__file__).parent.parent / link).exists(), link


def test_every_detector_is_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "detectors.md").read_text(encoding="utf-8")
    for name in DetectorName:
        assert f"`{name}`" in page, name
