"""Versions of the program side by side, each a virtual environment, and one link that says which one runs."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilowatch.errors import ConfigError
from kilowatch.install.steps import Call, Link, Remove, Write, sync

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_WHOLE = "installed"
"""The file that is written last: an environment without it is half an installation."""


@dataclass(frozen=True, slots=True)
class Versions:
    """The folder of a program. Links are relative, so that it may be mounted anywhere."""

    program: Path

    @property
    def folder(self) -> Path:
        """Where versions lie."""
        return self.program / "versions"

    def installed(self) -> list[str]:
        """Return the names of versions that are whole, the oldest installed first."""
        markers = self.folder.glob(f"*/{_WHOLE}")
        return [marker.parent.name for marker in sorted(markers, key=lambda path: path.stat().st_mtime_ns)]

    def current(self) -> str | None:
        """Return the version that runs at the next start."""
        return self._linked("current")

    def previous(self) -> str | None:
        """Return the version that ran before, if it is still whole."""
        name = self._linked("previous")
        return name if name in self.installed() else None

    def add(self, name: str, source: str, options: Sequence[str] = ()) -> None:
        """Make an environment with what pip is to install; a half one of an interrupted try is made anew.

        source: a requirement or a wheel. `ComponentError` with pip's own words where it fails.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} cannot be a version's name.", "Use letters, digits, dots and dashes.")
        place = self.folder / name
        if name == self.current() and (place / _WHOLE).exists():
            raise ConfigError(f"Version {name} is the one that runs.", "Name another: --name")
        Remove(place).do()
        self.folder.mkdir(parents=True, exist_ok=True)
        Call([sys.executable, "-m", "venv", str(place)], "On Debian: apt-get install python3-venv").do()
        python = str(place / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, source]
        Call(install, "What runs now goes on. See that the network, or the wheel, is there.").do()
        # A version that does not even start never counts as installed.
        Call([str(place / "bin" / "kilowatch"), "--version"], "That is no kilowatch.").do()
        # A power cut must never leave a marker beside files that are not on the disk yet.
        os.sync()
        Write(place / _WHOLE, f"{source}\n").do()
        sync(self.folder)

    def switch(self, name: str) -> None:
        """Let a version run from the next start on, and remember the one before."""
        if name not in self.installed():
            raise ConfigError(f"There is no version {name}.", f"There are: {', '.join(self.installed()) or 'none'}")
        before = self.current()
        if before and before != name:
            # First: cut between the two, `previous` names the version that runs, which does no harm.
            Link(self.program / "previous", f"versions/{before}").do()
        Link(self.program / "current", f"versions/{name}").do()

    def tidy(self, keep: int) -> list[str]:
        """Remove all but the newest versions and those that links name; return what went."""
        linked = {self.current(), self.previous()}
        going = [name for name in self.installed()[: -keep or None] if name not in linked]
        for name in going:
            Remove(self.folder / name).do()
        return going

    def _linked(self, link: str) -> str | None:
        path = self.program / link
        return path.readlink().name if path.is_symlink() else None
