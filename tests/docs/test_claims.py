"""Commands, options, settings, metrics and files that the docs name are there: a new name is new everywhere."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml

from docs.snippets import PAGES, ROOT
from kilowatch.cli.main import app
from kilowatch.config import Config
from kilowatch.config.walk import named_section, struct_fields
from kilowatch.observability.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT_COMMAND = typer.main.get_command(app)
EVERYWHERE = frozenset({"--help", "--debug", "--version", "--install-completion", "--json"})
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[;&|(])[ $]*(?:[A-Z_]+=\S+ )*kilowatch (?=[a-z-])([^#;&|<>\n`]*)", re.MULTILINE)
FILE = re.compile(r"(?:\.\./)*((?:src|docs|scripts|tests|deploy)/[\w./-]*\w\.(?:py|md|sh|json|yaml|yml|toml|ipynb|js))")
OF_BENCHMARKS = frozenset({"speed.md", "scaling.md", "bench-pipeline.md"})
"""Pages whose rows are called after what was measured."""


def claims(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each piece of code of a page, and whether it is a `span` or a `block`."""
    text = page.read_text(encoding="utf-8")
    yield from ((found, "block") for found in BLOCK.findall(text))
    yield from ((found, "span") for found in SPAN.findall(BLOCK.sub("", text)))


def wrong_calls(code: str) -> list[str]:
    """Return what a call of kilowatch names and the command line does not have."""
    return [wrong for call in CALL.findall(code.replace("\\\n", " ")) for wrong in _wrong(call)]


def _wrong(call: str) -> Iterator[str]:
    command: Any = ROOT_COMMAND
    words = _words(call)
    while words and getattr(command, "commands", None) and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in command.commands:
            # `kilowatch ... NAME` and `kilowatch COMMAND` leave the choice to the reader.
            if name.islower():
                yield f"{call}: {name}"
            return
        command = command.commands[name]
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | EVERYWHERE
    yield from (f"{call}: {word}" for word in words if re.match(r"--?[a-z]", word) and word.split("=")[0] not in known)


def _words(call: str) -> list[str]:
    try:
        return shlex.split(call.strip(" ,.:)"))
    except ValueError:
        return call.split()


def settings(kind: type, path: str = "") -> Iterator[str]:
    """Yield every setting and section as a pattern; a section that people name takes any name."""
    for name, field in struct_fields(kind).items():
        here = rf"{path}{name}"
        yield here
        named = named_section(field.type)
        if named is not None:
            yield rf"{here}\.[\w-]+"
            yield from settings(named, rf"{here}\.[\w-]+\.")
        elif isinstance(field.type, type) and hasattr(field.type, "__struct_fields__"):
            yield from settings(field.type, rf"{here}\.")


CHART = yaml.safe_load((ROOT / "deploy/helm/kilowatch/values.yaml").read_text(encoding="utf-8"))
SETTINGS = re.compile("|".join(settings(Config)))
SECTIONS = tuple(struct_fields(Config))
SETTING = re.compile(rf"(?:{'|'.join(SECTIONS)})(?:\.[A-Za-z_-]+)+")
VARIABLE = re.compile(r"KILOWATCH_([A-Z_]+__[A-Z_]+)")


def unknown_settings(code: str) -> list[str]:
    """Return settings that the code names, as a word by itself or a variable of the environment, and nobody has."""
    named = [code] if SETTING.fullmatch(code) else []
    named += [one.lower().replace("__", ".") for one in VARIABLE.findall(code)]
    return [one for one in named if not SETTINGS.fullmatch(one) and not _is_of_the_chart(one)]


def _is_of_the_chart(path: str) -> bool:
    value: Any = CHART
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return True


METRICS = {name for one in TABLE for name in (one.name, f"{one.name}_bucket", f"{one.name}_sum", f"{one.name}_count")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
class TestPage:
    def test_calls_commands_with_options_that_there_are(self, page: Path) -> None:
        assert [wrong for code, _ in claims(page) for wrong in wrong_calls(code)] == []

    def test_names_settings_that_there_are(self, page: Path) -> None:
        assert [wrong for code, _ in claims(page) for wrong in unknown_settings(code)] == []

    def test_names_metrics_that_there_are(self, page: Path) -> None:
        named = {one for code, _ in claims(page) for one in re.findall(r"\bkilowatch_[a-z_]+\b", code)}
        assert page.name in OF_BENCHMARKS or sorted(named - METRICS) == []

    def test_names_files_that_there_are(self, page: Path) -> None:
        named = {one for code, _ in claims(page) for one in FILE.findall(code)}
        assert [one for one in sorted(named) if "NAME" not in one and not (ROOT / one).exists()] == []


@pytest.mark.parametrize(
    "code", ["kilowatch fly", "kilowatch device paint", "kilowatch replay --fast x.csv", "kilowatch run -q"]
)
def test_a_wrong_call_is_found(code: str) -> None:
    assert wrong_calls(code)


def test_a_setting_that_nobody_has_is_found() -> None:
    assert unknown_settings("policy.dry_runs") == ["policy.dry_runs"]
    assert unknown_settings("KILOWATCH_POLICY__DRY_RUNS=1") == ["policy.dry_runs"]
    assert not unknown_settings("policy.dry_run")
    assert not unknown_settings("KILOWATCH_SOURCES__SIM__ENABLED=true")
