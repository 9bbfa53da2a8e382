"""Which files a setting means, and what they look like from outside."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON_LINES = frozenset({".jsonl", ".ndjson"})
PARQUET = frozenset({".parquet", ".pq"})
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".dat"}) | JSON_LINES | PARQUET


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file at one moment. changed_ns: when it was last written, ns since 1970."""

    path: Path
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Candidate:
        """Return how a file is now; `OSError` where it is gone."""
        told = path.stat()
        return cls(path, told.st_ino, told.st_size, told.st_mtime_ns)


def candidates(pattern: str) -> list[Candidate]:
    """Return the files of a folder, a pattern or a name, in order of their names.

    `OSError` where the folder or the file that is named is not there or may not be looked into; a pattern that nothing
    fits yet is no error, a logger may still begin.
    """
    found: list[Candidate] = []
    for path in sorted(_paths(pattern)):
        try:
            found.append(Candidate.of(path))
        except FileNotFoundError:  # removed since the folder was listed
            continue
    return found


def renamed(known: set[int], folders: set[Path], named: set[Path]) -> Iterator[Candidate]:
    """Yield files beside those that are named, whose inode is known: logs that were put aside under another name."""
    for folder in sorted(folders):
        try:
            with os.scandir(folder) as entries:
                found = [Path(entry.path) for entry in entries if entry.inode() in known and entry.is_file()]
            yield from (Candidate.of(path) for path in found if path not in named)
        except OSError:
            continue


def _paths(pattern: str) -> list[Path]:
    root = Path(pattern)
    if not glob.has_magic(pattern) or root.exists():
        if not root.is_dir():
            root.stat()
            return [root]
        # `rglob` takes a folder that it may not read for an empty one.
        os.scandir(root).close()
        return [path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and _is_meant(path)]
    fixed = next(place for place, part in enumerate(root.parts) if glob.has_magic(part))
    return [path for path in Path(*root.parts[:fixed]).glob(str(Path(*root.parts[fixed:]))) if _is_meant(path)]


def _is_meant(path: Path) -> bool:
    # A hidden file is what rsync and editors write before they give it its name.
    return not path.name.startswith(".") and path.is_file()
