"""Which modules a module comes to: by imports, those within functions included and those for types alone left out.

A place in words, `kilowatch.cli.data:app`, counts as an import: commands are loaded when they are asked for.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PLACE = re.compile(r"kilowatch(\.\w+)+:\w+")


@cache
def tree(path: Path) -> ast.Module:
    """Return a file as Python reads it."""
    return ast.parse(path.read_text(encoding="utf-8"))


def reachable(sources: Path, start: Path) -> set[Path]:
    """Return the files of the package in `sources` that `start` needs when it runs."""
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(sources, tree(path))
    return found


def _imported(sources: Path, node: ast.AST) -> Iterator[Path]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "kilowatch":
            yield from _files(sources, child)
        elif isinstance(child, ast.Constant) and _PLACE.fullmatch(str(child.value)):
            yield sources.joinpath(*str(child.value).partition(":")[0].split(".")[1:]).with_suffix(".py")
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _imported(sources, child)


def _files(sources: Path, node: ast.ImportFrom) -> Iterator[Path]:
    place = sources.joinpath(*(node.module or "").split(".")[1:])
    candidates = [place.with_suffix(".py"), place / "__init__.py"]
    candidates += [place / f"{name.name}.py" for name in node.names]
    candidates += [place / name.name / "__init__.py" for name in node.names]
    yield from (path for path in candidates if path.is_file())
