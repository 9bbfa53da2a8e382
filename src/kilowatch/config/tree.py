"""Settings as they were given, before anybody knows whether they make sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Given:
    """A value and its origin. is_text: it came as text, so that "1883" may mean a number. folder: its paths' start."""

    value: Any
    origin: str
    is_text: bool = False
    folder: Path | None = None


Tree: TypeAlias = "dict[str, Given | Tree]"
"""Names to values or to more names."""


def from_file(tables: Mapping[str, Any], file: Path) -> Tree:
    """Return the tables of a TOML file as a tree."""
    folder = file.parent
    return {
        name: from_file(value, file) if isinstance(value, dict) else Given(value, f"file {file}", folder=folder)
        for name, value in tables.items()
    }
