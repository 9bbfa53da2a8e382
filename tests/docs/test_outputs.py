"""What `--json` prints stands in docs/contracts.md: seen in the code of every command, and held to what some print."""

from __future__ import annotations

import ast
import os
import re
import runpy
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cli.homes import LEARNING, SIMPLE, called, meter
from docs.snippets import ROOT
from docs.source_trees import PATHS, classes, functions
from docs.test_reference import COMMANDS
from kilowatch.app.stores import database_settings
from kilowatch.config import load_config
from kilowatch.links.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
DOCUMENTED = frozenset(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE))
PRINTS = dict(re.findall(r"^\| `([\w -]+)` \| (`kilowatch\..*) \|$", PAGE, re.MULTILINE))
SPEAK_JSON = [path for path, command in COMMANDS.items() if any("--json" in one.opts for one in command.params)]
COMMAND_FILES = [path for path in PATHS if path.parts[0] == "cli"]
OTHER_SCHEMAS = frozenset({"Manifest"})
"""A backup's: the version of the database that was saved, no object's name."""


def test_each_command_that_speaks_json_says_what_it_prints() -> None:
    assert sorted(PRINTS) == sorted(SPEAK_JSON)


def test_every_schema_of_the_package_is_documented() -> None:
    named = {
        name
        for name, nodes in classes().items()
        for line in (line for node in nodes for line in node.body)
        if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == "schema"
    }
    assert len(named) > 25
    assert sorted(named - DOCUMENTED - OTHER_SCHEMAS) == []


def printed(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield what a function writes out as JSON."""
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("echo") and call.args:
            inner = [one for one in ast.walk(call.args[0]) if isinstance(one, ast.Call)]
            yield from (one.args[0] for one in inner if ast.unparse(one.func) == "msgspec.json.encode")


def named_in(expression: ast.expr | None) -> set[str]:
    """Return the names of an annotation or of a class that is called."""
    return {one.id for one in ast.walk(expression) if isinstance(one, ast.Name)} if expression else set()


def structs_of(value: ast.expr, function: ast.FunctionDef) -> set[str]:
    """Return the names of the structs that an expression may hold, as far as annotations and calls tell."""
    if isinstance(value, ast.Name):
        return _of_name(value.id, function)
    if isinstance(value, ast.Attribute):
        return _of_attribute(value.attr, structs_of(value.value, function))
    if not isinstance(value, ast.Call):
        return {ast.unparse(value)}
    name = ast.unparse(value.func).rpartition(".")[2]
    returned = {found for _, one in functions() if one.name == name for found in named_in(one.returns)}
    return returned or {name}


def _of_name(name: str, function: ast.FunctionDef) -> set[str]:
    lines = list(ast.walk(function))
    found = [one.annotation for one in lines if isinstance(one, ast.arg) and one.arg == name and one.annotation]
    found += [one.annotation for one in lines if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == name]
    told = {one for annotation in found for one in named_in(annotation)} - {"Any"}
    made = [one.value for one in lines if isinstance(one, ast.Assign) and name in map(ast.unparse, one.targets)]
    made += [
        one.value for one in lines if isinstance(one, ast.AnnAssign) and ast.unparse(one.target) == name and one.value
    ]
    return told or {one for value in made for one in structs_of(value, function)} or {f"{name}?"}


def _of_attribute(name: str, owners: set[str]) -> set[str]:
    lines = [line for one in owners for node in classes().get(one, ()) for line in node.body]
    found = [line for line in lines if isinstance(line, ast.AnnAssign) and ast.unparse(line.target) == name]
    return {one for line in found for one in named_in(line.annotation)} or {f"{name}?"}


@cache
def writers() -> list[tuple[Path, ast.FunctionDef, ast.expr]]:
    """Return what each function of the command line writes out as JSON."""
    of_commands = [(path, function) for path, function in functions() if path in COMMAND_FILES]
    return [(path, function, value) for path, function in of_commands for value in printed(function)]


@pytest.mark.parametrize("place", COMMAND_FILES, ids=str)
def test_whatever_a_command_writes_out_is_documented(place: Path) -> None:
    for path, function, value in writers():
        assert path != place or structs_of(value, function) - DOCUMENTED == set(), function.name


def test_the_writers_are_seen() -> None:
    assert len(writers()) > 30


@pytest.mark.parametrize(
    "body",
    ["typer.echo(msgspec.json.encode(NewOutput(rows=1)))", "made = NewOutput()\n echo(msgspec.json.encode(made))"],
)
def test_one_that_is_undocumented_is_found(body: str) -> None:
    (function,) = ast.parse(f"def told():\n {body}").body
    assert isinstance(function, ast.FunctionDef)
    assert [structs_of(value, function) for value in printed(function)] == [{"NewOutput"}]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a meter's file, settings, and an empty database."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KILOWATCH_") and name != "KILOWATCH_DATA"]:
        monkeypatch.delenv(name)
    (tmp_path / "kilowatch.toml").write_text('[data]\nfolder = "kept"\n', encoding="utf-8")
    with closing(Database(database_settings(load_config(None).config))) as database:
        database.upgrade()
    return meter(tmp_path / "meter.csv")


_FILE = "meter.csv"
CALLS: dict[str, tuple[str, ...]] = {
    "audit show": (),
    "config check": (),
    "config show": (),
    "data check": (_FILE,),
    "data describe": (_FILE,),
    "data list": (_FILE,),
    "demo faults": (),
    "device list": (),
    "edge status": ("--root", "."),
    "import": (_FILE, "--yes"),
    "incident list": (),
    "inject": (_FILE, "--kind", "spike", "--out", "odd.csv", "--labels", "odd.json"),
    "models list": (),
    "models shadow list": (),
    "notify status": (),
    "rehearse": (_FILE, LEARNING, SIMPLE),
    "replay": (_FILE, LEARNING, SIMPLE),
}
"""Those that need no broker, no network and no minutes."""


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    made: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "command_outputs.py"))["OUTPUTS"]
    return made


@pytest.mark.parametrize("command", CALLS)
def test_a_command_prints_what_the_page_says(command: str, home: Path, outputs: dict[str, Any]) -> None:
    said = called(*command.split(), *CALLS[command], "--json")
    schema, struct = outputs[command][0]
    assert said.json["schema"] == schema
    assert f"`{schema}`" in PRINTS[command]
    # What the struct does not name would be lost on the way.
    assert msgspec.json.decode(msgspec.json.encode(msgspec.convert(said.json, struct))) == said.json
