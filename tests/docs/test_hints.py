"""Every error that kilowatch raises says what to do next, and exits as docs/errors.md has it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from docs.source_trees import PATHS, error_kinds, tree_of

REASON_FIRST = frozenset({"PlugFailedError", "RejectedMessageError"})
"""Their first argument is a reason for machines."""
MAKES_ITS_OWN = frozenset({"MissingExtraError"})


def without_hint(tree: ast.Module) -> list[str]:
    """Return the errors that are made without a hint, or with an empty one, as line and code."""
    return [
        f"{call.lineno}: {ast.unparse(call)}"
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _name(call) in error_kinds() - MAKES_ITS_OWN and not _has_hint(call)
    ]


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _has_hint(call: ast.Call) -> bool:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "hint"]
    place = 2 if _name(call) in REASON_FIRST else 1
    # Of *arguments nobody knows where they end.
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return True
    hints = [*named, *call.args[place : place + 1]]
    return bool(hints) and not (isinstance(hints[0], ast.Constant) and not hints[0].value)


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_each_error_says_what_to_do_next(path: Path) -> None:
    assert without_hint(tree_of(path)) == []


@pytest.mark.parametrize(
    "code", ["ConfigError('What?')", "errors.StateError('Torn.', '')", "PlugFailedError(PlugTrouble.SLOW, 'Slow.')"]
)
def test_one_without_is_found(code: str) -> None:
    assert without_hint(ast.parse(f"raise {code}"))
    assert not without_hint(ast.parse(f"raise {code.replace(', ' + repr(''), '')[:-1]}, 'Look.', hint='Look.')"))


def test_exit_codes_stand_in_the_tree_alone() -> None:
    """Who reads errors.py has read every exit code."""
    set_elsewhere = [
        str(path)
        for path in PATHS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef) and node.name in error_kinds() and path != Path("errors.py")
        for line in node.body
        if "exit_code" in ast.unparse(line)
    ]
    assert set_elsewhere == []
