"""Only the actor may tell a plug to switch: nobody else calls it, and nobody else may open one for itself."""

from __future__ import annotations

import ast
from pathlib import Path

import kilowatch

SOURCES = Path(kilowatch.__file__).parent
CALLS = {"switch_off", "switch_on"}
OPENS = {"open_plug", "Shelly1", "Shelly2", "Tasmota", "HomeAssistantPlug"}
POLICYS_HAND = "app/actor/errand.py"
"""The one line by which policy switches a plug, and only ever off."""
PERSONS_HANDS = {"app/actor/switching.py"}
"""A person's own wish, carried out: on and off."""
MAY_OPEN = {"app/plug_book.py", "links/plugs/open.py", "links/plugs/__init__.py"}


def named(call: ast.Call) -> str:
    """The last part of what is called: `a.b.c()` is c."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def callers(names: set[str], source: Path = SOURCES) -> set[str]:
    """Return the files in which one of these is called, or named as an attribute or by `getattr`."""
    found = set()
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and named(node) in names
            passed = isinstance(node, ast.Attribute) and node.attr in names
            spelt = isinstance(node, ast.Constant) and node.value in names
            if called or passed or spelt:
                found.add(path.relative_to(source).as_posix())
    return found


def test_policy_switches_in_one_line_and_only_off_and_a_person_in_one_file() -> None:
    assert switching("switch_off") - PERSONS_HANDS == {POLICYS_HAND}
    assert switching("switch_on") - PERSONS_HANDS == set()
    assert len(switching("switch_off") & PERSONS_HANDS) <= 1
    assert (SOURCES / POLICYS_HAND).read_text(encoding="utf-8").count(".switch_off(") == 1


def switching(name: str) -> set[str]:
    """Files that call it; the word of an intent is the same, and is no call."""
    return {path for path in callers({name}) if not path.startswith(("core/events.py", "web/page/"))}


def test_plugs_are_opened_in_one_place() -> None:
    opened = {
        path
        for path in callers(OPENS)
        if not path.startswith(("sim/", "links/decode/", "demo/")) and path not in MAY_OPEN
    }
    assert opened == set()


def test_the_scan_sees_what_it_must(tmp_path: Path) -> None:
    for number, text in enumerate(
        ("plug.switch_off()", "f = plug.switch_off", "getattr(plug, 'switch_off')()", "a.b[0].switch_off()")
    ):
        (tmp_path / f"case{number}.py").write_text(text, encoding="utf-8")
    (tmp_path / "sound.py").write_text("plug.read()", encoding="utf-8")
    assert callers({"switch_off"}, tmp_path) == {f"case{number}.py" for number in range(4)}
