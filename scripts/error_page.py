"""docs/errors.md: every error of the package, wherever its class stands, with what a user does about it."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from typing import TYPE_CHECKING

from generated import ROOT

from kilowatch import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = ROOT / "src"

INTRO = """# Errors and exit codes

Generated from `kilowatch.errors`, and from every module with an error of its own, by `python scripts/make_cli_docs.py`.
Each error says what happened and, in a second line, what to do next; that line knows more than this page. A traceback
is printed with `--debug` alone. Scripts go by the exit code.

| exit code | meaning |
|---|---|
| 0 | done; nothing to complain of |
| 1 | done, and something does not hold: a check failed, or kilowatch itself is at fault |
| 2 | a setting, an argument or the command line is wrong |
| 3 | data, a model or saved state could not be read or does not fit |
| 4 | a broker, database, plug or package that is needed is not there |
| 130 | interrupted with Ctrl-C; what was accepted is kept |

An error that is *a kind of* another is caught with it in Python. Some never reach a user: the part that meets them goes
on by itself, as the last column says.

| error | a kind of | what it means | exit code | what to do |
|---|---|---|---|---|
"""

WHAT_TO_DO = {
    "KilowatchError": "Read its second line; where it has none, run the same command with `--debug` and report it.",
    "ConfigError": "Correct the setting or argument it names: `kilowatch config check`, `kilowatch COMMAND --help`.",
    "NotKnownError": "Correct the name; `kilowatch device list` and `incident list` show those there are.",
    "DetectorError": "Take another detector, interval or window; `kilowatch detectors` lists what each can do.",
    "NotAllowedError": "Ask for a token of a role that may ([security](security.md)); the API answers 403.",
    "ModelError": "Use another file of the model, or train it anew; `kilowatch models verify` says what is wrong.",
    "MissingModelError": "Deliver it with `kilowatch models deliver`; who waits for it asks again by itself.",
    "ReadingError": "Look at the file with `kilowatch data check`, and say what the guess got wrong by options.",
    "RejectedMessageError": "Send it as [records](contracts.md#readings) have it; `kilowatch rejected list` keeps it.",
    "StateError": "Upgrade kilowatch where the state is newer, else restore a backup: `kilowatch restore`.",
    "NewerStateError": "Run the version that wrote it, or a later one; the state is left as it is.",
    "OvertakenError": "Nothing: the process that has the action finishes it.",
    "ComponentError": "See that it runs and that its address and login are right: `kilowatch doctor`.",
    "AbortableError": "Nothing: what was in the transaction is done again.",
    "FencedError": "Nothing: the process that took over goes on, this one begins anew.",
    "FullError": "Nothing, if it passes: sources wait. If not, see that the disk has room and Kafka answers.",
    "MissingExtraError": "Install the extra that it names with pip.",
    "PlugError": "See that the plug is on, at its address, and that its login is right: `kilowatch doctor`.",
    "PlugFailedError": "The same; its text says in which way it failed.",
}
"""By error; one that is not here stops the page from being made."""


def errors_page() -> str:
    """Return the page of all errors, by exit code."""
    rows = sorted(kinds(), key=lambda kind: (kind.exit_code, kind.__module__ != errors.__name__, kind.__name__))
    return INTRO + "".join(map(_row, rows))


def kinds() -> list[type[errors.KilowatchError]]:
    """Return every error class of the package; only modules that have one are imported."""
    places = list(_classes())
    found, before = {"KilowatchError"}, 0
    while len(found) > before:
        before = len(found)
        found |= {
            node.name for _, node in places if found & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        }
    return [getattr(import_module(module), node.name) for module, node in places if node.name in found]


def _classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "Error" in text:
            module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
            yield from ((module, node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef))


def _row(kind: type[errors.KilowatchError]) -> str:
    of = "" if kind is errors.KilowatchError else f"`{kind.__bases__[0].__name__}`"
    told = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
    return f"| `{kind.__name__}` | {of} | {told} | {kind.exit_code} | {WHAT_TO_DO[kind.__name__]} |\n"
