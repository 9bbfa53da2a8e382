"""What is to be done, step by step: shown in a dry run, done otherwise. Each step can be done again."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kilowatch.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_TAIL = 1500


class Step(Protocol):
    """One thing to do."""

    @property
    def says(self) -> str:
        """What it does, for people."""

    def do(self) -> None:
        """Do it."""


@dataclass(frozen=True, slots=True)
class Write:
    """A file, whole or not at all, and on the disk when this returns."""

    path: Path
    text: str
    mode: int = 0o644
    keep: bool = False

    @property
    def says(self) -> str:
        """What it does."""
        return f"write {self.path}" + (" unless it is there" if self.keep else "")

    def do(self) -> None:
        """Write it beside its place, and swap."""
        if self.keep and self.path.exists():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.new")
        with fresh.open("w") as file:
            # Before the text, which may be a secret.
            os.fchmod(file.fileno(), self.mode)
            file.write(self.text)
            file.flush()
            os.fsync(file.fileno())
        # After the sync: a power cut leaves the old file or the whole new one.
        fresh.replace(self.path)
        sync(self.path.parent)


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link, switched in one move: whoever looks sees the old one or the new one."""

    path: Path
    target: str

    @property
    def says(self) -> str:
        """What it does."""
        return f"link {self.path} -> {self.target}"

    def do(self) -> None:
        """Make it beside its place, and swap."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.new")
        # Left over by a try that was cut; a link is never made over another.
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.target)
        fresh.replace(self.path)
        sync(self.path.parent)


@dataclass(frozen=True, slots=True)
class Remove:
    """A file, a link or a folder that is to go."""

    path: Path

    @property
    def says(self) -> str:
        """What it does."""
        return f"remove {self.path}"

    def do(self) -> None:
        """Remove it if it is there."""
        # What a link points to is not ours to remove.
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is to be there."""

    path: Path
    mode: int = 0o755

    @property
    def says(self) -> str:
        """What it does."""
        return f"make {self.path}"

    def do(self) -> None:
        """Make it where it is missing."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(self.mode)


@dataclass(frozen=True, slots=True)
class Call:
    """A program to run; `ComponentError` with what it said where it fails, unless its failing is borne."""

    words: Sequence[str]
    hint: str = ""
    environment: Mapping[str, str] | None = None
    is_borne: bool = False

    @property
    def says(self) -> str:
        """What it does."""
        return "run " + " ".join(self.words)

    def do(self) -> None:
        """Run it to its end."""
        environment = None if self.environment is None else {**os.environ, **self.environment}
        try:
            done = subprocess.run(self.words, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
        except OSError as error:
            raise ComponentError(f"{self.words[0]} cannot be run: {error.strerror}.", self.hint) from error
        if done.returncode and not self.is_borne:
            raise ComponentError(f"{self.says} failed: {(done.stdout + done.stderr).strip()[-_TAIL:]}", self.hint)


def done(steps: Iterable[Step]) -> None:
    """Do every step, in order."""
    for step in steps:
        step.do()


def sync(folder: Path) -> None:
    """Return once the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
