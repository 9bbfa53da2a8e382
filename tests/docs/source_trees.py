"""The package's code as syntax trees, read on first use: what collects tests need not wait for it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "kilowatch"
PATHS = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the tree of a file, named from the package's folder."""
    return ast.parse((SOURCE / path).read_text(encoding="utf-8"))


@cache
def functions() -> list[tuple[Path, ast.FunctionDef]]:
    return [(path, node) for path in PATHS for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef)]


@cache
def classes() -> dict[str, list[ast.ClassDef]]:
    """Return every class by name; there may be several of one."""
    found: dict[str, list[ast.ClassDef]] = {}
    for path in PATHS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(node)
    return found


@cache
def error_kinds() -> frozenset[str]:
    """Return the names of all errors of the package, also of those outside errors.py."""
    found, before = {"KilowatchError"}, 0
    nodes = [node for several in classes().values() for node in several]
    while len(found) > before:
        before = len(found)
        found |= {one.name for one in nodes if found & {ast.unparse(base) for base in one.bases}}
    return frozenset(found)
