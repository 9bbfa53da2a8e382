"""CONTRIBUTING keeps its word: what it names is there, and every plug, source and detector has its contract test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from docs.snippets import ROOT
from kilowatch.cli.detectors import SIGHT
from kilowatch.detectors.registry import DetectorName, available, create
from kilowatch.links.plugs import PlugMake
from kilowatch.sim.plugs import Make

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LIVES_INSIDE = frozenset({"SimSource"})
"""A source without an outside: nobody can send it garbage."""


def inheriting(contract: str, folder: Path) -> str:
    """Return the text of all test files of a folder in which a class inherits a contract."""
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("test_*.py")]
    return "\n".join(text for text in texts if re.search(rf"^class \w+\({contract}\):", text, re.MULTILINE))


def sources() -> set[str]:
    """Return the classes that keep the protocol of a source."""
    found = set[str]()
    for path in (ROOT / "src" / "kilowatch").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "def start(self, put: Put)" in text:
            found |= set(re.findall(r"^class (\w+Source)\b(?!\(Protocol)", text, re.MULTILINE))
    return found


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:src|tests|docs|scripts)/[\w./]+)`", GUIDE))))
def test_the_places_that_it_names_are_there(path: str) -> None:
    if "NAME" not in path:
        assert (ROOT / path).exists()


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:core|links|detectors|config|app|cli|sim)/[\w./]+\.py)`", GUIDE)))
)
def test_the_modules_that_it_names_are_there(path: str) -> None:
    assert (ROOT / "src" / "kilowatch" / path).exists()


@pytest.mark.parametrize("name", available())
def test_every_detector_inherits_the_battery_and_says_what_it_sees(name: DetectorName) -> None:
    tested = inheriting("Battery", ROOT / "tests" / "detectors")
    # One that only sets a parameter of another is tested with that.
    assert any(kind.__name__ in tested for kind in type(create(name)).__mro__[:-1])
    assert all(SIGHT[name])


@pytest.mark.parametrize("make", Make)
def test_every_simulated_plug_has_its_contract(make: Make) -> None:
    assert PlugMake(make)
    assert f"make = Make.{make.name}" in inheriting("PlugContract", ROOT / "tests" / "links" / "plugs")


def test_a_make_without_a_simulated_plug_is_tested_against_the_real_thing() -> None:
    assert {*PlugMake} - {PlugMake(make) for make in Make} == {PlugMake.HOME_ASSISTANT}
    assert (ROOT / "tests" / "links" / "plugs" / "test_assistant_live.py").exists()


def test_every_source_inherits_its_contract() -> None:
    tested = inheriting("SourceContract", ROOT / "tests" / "links")
    assert len(sources()) >= 5
    assert [name for name in sorted(sources() - LIVES_INSIDE) if name not in tested] == []
