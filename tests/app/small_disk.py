"""A disk of its own for a component, small enough to be filled, and with room again at once."""

from __future__ import annotations

import errno
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

_PIECE = bytes(1 << 12)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """Where it is mounted; what takes its room away is one file that stands for whatever else fills a disk."""

    folder: Path

    def fill(self) -> None:
        """Leave room for nothing, not even for what its owner gave back since it was filled last."""
        with self._ballast.open("ab", buffering=0) as file:
            while _has_room(file):
                pass

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


def _has_room(file: FileIO) -> bool:
    try:
        file.write(_PIECE)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[SmallDisk]:
    """Mount a disk of that size at a folder; the test is skipped where we may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0755", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a disk that can be filled must be mounted, which we may not: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
