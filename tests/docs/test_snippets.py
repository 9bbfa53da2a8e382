"""What README and docs tell people to type is right: run, or at least parsed and known to the command line."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from docs.snippets import PAGES, ROOT, Snippet, snippets, unpaired_fences, untagged_lines
from kilowatch.cli.main import app

ALL = snippets()
SHELL = [one for one in ALL if one.is_shell]


def named(chosen: list[Snippet]) -> list[Any]:
    return [pytest.param(one, id=one.name) for one in chosen]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder as a reader may have it: ten days of a fridge as meter.csv."""
    ts_s = 1_767_571_200 + np.arange(10 * 1440) * 60
    phase = np.cumsum(1 + 0.2 * np.random.default_rng(7).standard_normal(len(ts_s))) % 40
    power_w = np.where(phase < 14, 84.0, 2.0) + np.random.default_rng(8).normal(0, 1, len(ts_s)).round(1)
    power_w[9 * 1440 : 9 * 1440 + 240] = 86.0
    rows = "\n".join(f"{one},{watts:.1f}" for one, watts in zip(ts_s, power_w, strict=True))
    (tmp_path / "meter.csv").write_text(f"time,power_w\n{rows}\n", encoding="utf-8")
    return tmp_path


def test_there_is_something_to_check() -> None:
    assert len([one for one in ALL if one.tag == "run"]) >= 5


@pytest.mark.parametrize("snippet", named(ALL))
def test_every_snippet_says_what_becomes_of_it(snippet: Snippet) -> None:
    assert snippet.tag, "write <!-- run -->, <!-- slow --> or <!-- needs:... --> on the line before the fence"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_hides_in_an_indented_block(page: Path) -> None:
    assert untagged_lines(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_block_escapes_the_search(page: Path) -> None:
    assert unpaired_fences(page) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_typed_says_its_language(page: Path) -> None:
    nameless = re.findall(r"^```\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert [block for block in nameless if re.search(r"^\s*(?:\$ )?(?:kilowatch|make|pip|import) \w", block)] == []


@pytest.mark.parametrize("snippet", named(SHELL))
def test_the_shell_can_parse_it(snippet: Snippet) -> None:
    told = subprocess.run(["bash", "-n"], input=snippet.body, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("snippet", named(SHELL))
def test_its_commands_and_options_are_there(snippet: Snippet) -> None:
    root = typer.main.get_command(app)
    for line in re.findall(r"^\s*(?:\S*/)?kilowatch .*$", snippet.body.replace("\\\n", " "), re.MULTILINE):
        _known(root, shlex.split(re.split(r"[|;&><]", line, maxsplit=1)[0], comments=True)[1:])


def _known(command: Any, words: list[str]) -> None:
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    options = {name for one in command.params for name in [*one.opts, *one.secondary_opts]} | {"--help", "--debug"}
    assert "|" in "".join(words) or not getattr(command, "commands", None) or not words or words[0].startswith("-"), (
        words
    )
    for word in words:
        if word.startswith("-") and not re.fullmatch(r"-[\d.]+", word):
            assert word.split("=")[0] in options, f"{command.name} has no {word}"


@pytest.mark.parametrize("snippet", named([one for one in ALL if one.tag == "run"]))
def test_it_runs(snippet: Snippet, workplace: Path) -> None:
    _run(snippet, workplace, 120)


@pytest.mark.soak
@pytest.mark.timeout(1900)
@pytest.mark.parametrize("snippet", named([one for one in ALL if one.tag == "slow"]))
def test_it_runs_at_leisure(snippet: Snippet, workplace: Path) -> None:
    _run(snippet, workplace, 1800)


def _run(snippet: Snippet, workplace: Path, seconds: float) -> None:
    command = (
        ["bash", "-euo", "pipefail", "-c", snippet.body] if snippet.is_shell else [sys.executable, "-c", snippet.body]
    )
    paths = [str(ROOT / "scripts"), str(Path(sys.executable).parent), os.environ["PATH"]]
    told = subprocess.run(
        command,
        cwd=workplace,
        env={**os.environ, "PATH": os.pathsep.join(paths), "KILOWATCH_SOURCE": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert told.returncode == 0, f"{told.stdout[-2000:]}\n{told.stderr[-2000:]}"
