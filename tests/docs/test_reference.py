"""Nothing that people or programs lean on is undocumented: settings, metrics, commands, events, topics, errors."""

from __future__ import annotations

import inspect
import os
import re
import runpy
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import typer

from docs.snippets import ROOT
from docs.source_trees import error_kinds
from kilowatch.cli.main import app
from kilowatch.config import Config
from kilowatch.core import events
from kilowatch.core.clean_reasons import Reason
from kilowatch.core.device import ActsBy, Reporting, Stage
from kilowatch.core.events import ActionState, EventKind, LabelWord, RejectReason, Severity, Want
from kilowatch.core.notices import Phase
from kilowatch.core.policy import Interlock
from kilowatch.links.kafka.topics import PLANS, Topic, TopicPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTS = re.compile(
    r"backup|init|restore|run|serve \w+|support-bundle|config init|demo fault|notify test|topics create"
    r"|device (arm|delete|disarm|mute|protect|set|unprotect)|edge (install|rollback|uninstall|update)"
    r"|incident (ack|label|undo)|models (deliver|promote|rollback)|models shadow promote"
)
"""Commands that change or serve something; all others read, and so speak JSON too."""
DAY_MS = 86_400_000


def leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command that does something itself."""
    children = getattr(command, "commands", {})
    if not children or (path and command.invoke_without_command):
        yield path, command
    for name, child in children.items():
        if not child.hidden:
            yield from leaves(child, f"{path} {name}".strip())


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_every_command_that_reads_speaks_json(path: str) -> None:
    options = {name for one in COMMANDS[path].params for name in one.opts}
    assert ACTS.fullmatch(path) or "--json" in options


def test_both_sorts_are_there() -> None:
    acting = [path for path in COMMANDS if ACTS.fullmatch(path)]
    assert len(acting) > 30
    assert len(COMMANDS) - len(acting) > 25


@pytest.mark.parametrize(
    ("script", "function", "page"),
    [("cli", "cli_page", "cli"), ("cli", "errors_page", "errors"), ("api", "render", "api")],
)
def test_the_page_is_fresh(script: str, function: str, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    made = runpy.run_path(str(ROOT / "scripts" / f"make_{script}_docs.py"))
    assert (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") == made[function]()


def test_every_event_is_in_the_contracts() -> None:
    page = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    structs = [one for _, one in inspect.getmembers(events, inspect.isclass) if issubclass(one, msgspec.Struct)]
    assert len(structs) > 12
    assert [one.__name__ for one in structs if f"\n### {one.__name__}\n" not in page] == []


def row(plan: TopicPlan) -> str:
    """Return how a topic begins its line of docs/topics.md."""
    placed = "by site" if plan.by_site else "one partition"
    days = int(plan.options.get("retention.ms", 0)) // DAY_MS
    kept = f"{days} days" if days else "the newest of each key"
    return f"| `{plan.topic}` | {placed} | {kept} |"


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.topic))
def test_every_topic_is_documented(plan: TopicPlan) -> None:
    page = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(row(plan))}( [^|]+ \|){{4}}$", page, re.MULTILINE)


def test_every_topic_of_the_code_has_a_plan() -> None:
    assert {plan.topic for plan in PLANS} == set(Topic)


def test_every_interlock_is_documented() -> None:
    page = (ROOT / "docs" / "switching.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \| \S[^|]* \|", page, re.MULTILINE)
    assert told == [str(one) for one in Interlock]


WORDS = {
    kind.__name__: [str(word) for word in kind]
    for kind in (EventKind, Severity, LabelWord, RejectReason, Want, ActionState, ActsBy, Stage, Reporting, Phase)
} | {"Reason": [reason.label for reason in Reason]}


@pytest.mark.parametrize("kind", WORDS)
def test_every_word_of_a_message_and_of_cleaning_has_its_sentence(kind: str) -> None:
    section = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8").partition(f"\n### {kind}\n")[2]
    told = re.findall(r"^\| `(\w+)` \|.* [A-Z`][^|]+\. \|$", section.partition("\n### ")[0], re.MULTILINE)
    assert told == WORDS[kind]


def test_every_error_of_the_package_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+Error)` \| (?:`\w+`)? ?\| \S[^|]* \| \d+ \| \S[^|]* \|$", page, re.MULTILINE)
    assert len(told) > 15
    assert sorted(told) == sorted(error_kinds())


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    raised = re.findall(r"^\| `\w+Error` \|.*\| (\d+) \| [^|]+ \|$", page, re.MULTILINE)
    assert len(raised) == len(error_kinds())
    assert set(raised) <= set(re.findall(r"^\| (\d+) \|", page, re.MULTILINE))


@pytest.mark.parametrize(
    ("section", "is_on", "port"),
    [
        ("sources.push", Config().sources.push.enabled, Config().sources.push.port),
        ("web", Config().web.enabled, Config().web.port),
        ("metrics", Config().metrics.enabled, Config().metrics.port),
    ],
)
def test_what_listens_by_default_is_told(section: str, is_on: bool, port: int) -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    told = re.search(rf"^\|[^|]*`\[{re.escape(section)}\]` \| (on|off)[^|]*loopback, (\d+) \|", page, re.MULTILINE)
    assert told is not None
    assert (told[1] == "on", int(told[2])) == (is_on, port)


def test_every_page_has_its_place_in_the_site() -> None:
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f": {page.name}\n" not in site] == []


def test_the_shell_completes_commands() -> None:
    asked = {"_KILOWATCH_COMPLETE": "complete_bash", "COMP_WORDS": "kilowatch models sh", "COMP_CWORD": "2"}
    told = subprocess.run(
        [sys.executable, "-c", "from kilowatch.cli.main import app; app(prog_name='kilowatch')"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.split() == ["show", "shadow"], told.stderr
