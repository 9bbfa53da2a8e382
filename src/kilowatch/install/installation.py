"""Install, update, roll back and remove: each a list of steps, which a dry run shows and another one does.

An update is: install beside, let the new version check the settings, back up with the old one, switch, start. systemd's
`start` returns when the loop has turned, so a version that does not come up is noticed there, and switched back.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kilowatch.config.template import TEMPLATE
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.install import texts
from kilowatch.install.places import SERVICE, Places
from kilowatch.install.steps import Call, Folder, Link, Remove, Write, done
from kilowatch.install.versions import Versions

if TYPE_CHECKING:
    from kilowatch.install.steps import Step

MEMORY_MB = 1024
_LOOK = f"journalctl --namespace={SERVICE} -n 50 tells why."


@dataclass(frozen=True, slots=True)
class Release:
    """What to install: a name for it, and what pip is told."""

    name: str
    source: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Add:
    versions: Versions
    release: Release

    @property
    def says(self) -> str:
        return f"install {self.release.source} into {self.versions.folder / self.release.name}"

    def do(self) -> None:
        self.versions.add(self.release.name, self.release.source, self.release.options)


@dataclass(frozen=True, slots=True)
class _Switch:
    versions: Versions
    name: str

    @property
    def says(self) -> str:
        return f"let version {self.name} be the one that runs"

    def do(self) -> None:
        self.versions.switch(self.name)


@dataclass(frozen=True, slots=True)
class _Note:
    """What a person should know and nobody does."""

    says: str

    def do(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Installation:
    """kilowatch as a service below a root. memory_mb: how much it may take."""

    places: Places = field(default_factory=Places)
    memory_mb: int = MEMORY_MB

    @property
    def versions(self) -> Versions:
        """The versions that are installed."""
        return Versions(self.places.program)

    def install(self, release: Release) -> list[Step]:
        """Return what a first installation does; it starts at once only where settings are there already."""
        self._may_be_changed()
        # The account before the folder that it is to own; systemd is told once all files are in place.
        steps: list[Step] = [
            Write(self.places.account, texts.ACCOUNT),
            *self._asked(Call(["systemd-sysusers", str(self.places.account)])),
            _Add(self.versions, release),
            _Switch(self.versions, release.name),
            Folder(self.places.data, 0o750),
            Write(self.places.config, TEMPLATE.format(time_zone=self.places.time_zone()), keep=True),
            Write(self.places.secrets, texts.SECRETS, 0o600, keep=True),
            *self.files(),
            Link(self.places.wanted, f"../{SERVICE}.service"),
            *self._asked(Call(["chown", f"{SERVICE}:{SERVICE}", str(self.places.data)])),
            *self._asked(Call(["systemctl", "daemon-reload"])),
        ]
        # Asked before any step writes the template: settings that are fresh a person has to fill in first.
        return [*steps, *self._started()] if self.places.config.exists() else steps

    def files(self) -> list[Step]:
        """Return what belongs to a version and not to a person: written again whenever another version is to run."""
        return [
            Write(self.places.unit, texts.unit(self.places, self.memory_mb)),
            Write(self.places.journal, texts.JOURNAL),
            Write(self.places.command, texts.command(self.places), 0o755),
        ]

    def update(self, release: Release) -> list[Step]:
        """Return what brings another version, up to its start."""
        self._is_installed()
        fresh = self.versions.folder / release.name
        backup = self.places.backups / f"before-{release.name}.tar.gz"
        return [
            _Add(self.versions, release),
            Call([*self._program(fresh), "config", "check"], "What runs now goes on.", self._environment()),
            *self._backed_up(backup),
            *self._run_by(release.name),
        ]

    def rollback(self) -> list[Step]:
        """Return what brings the version before back. Its data are untouched: `restore` brings those of then."""
        self._is_installed()
        before = self.versions.previous()
        if before is None:
            raise ComponentError("There is no version before this one.", "kilowatch edge update installs another.")
        return self._run_by(before)

    def start(self) -> None:
        """Start what is linked; where it does not come up, roll back to the version before and say so."""
        try:
            done(self._started())
        except ComponentError as error:
            before, failed = self.versions.previous(), self.versions.current()
            if before is None:
                raise
            done([*self._run_by(before), *self._started()])
            raise ComponentError(f"Version {failed} does not start, {before} runs again: {error}", _LOOK) from error

    def uninstall(self, *, purge: bool = False) -> list[Step]:
        """Return what takes it away; settings and data stay unless purge."""
        self._may_be_changed()
        kept = [self.places.data, self.places.config.parent, self.places.account] if purge else []
        places = self.places
        going = [places.wanted, places.unit, places.journal, places.command, places.program, *kept]
        return [
            # Half an installation may have no unit to stop, and is to go all the same.
            *self._asked(Call(["systemctl", "stop", SERVICE], is_borne=True)),
            *map(Remove, going),
            *self._asked(Call(["systemctl", "daemon-reload"])),
        ]

    def _run_by(self, name: str) -> list[Step]:
        """A version writes its own unit: it alone knows what it needs."""
        program = str(self.versions.folder / name / "bin" / "kilowatch")
        words = [program, "edge", "files", "--root", str(self.places.root), "--memory-mb", str(self.memory_mb)]
        # The unit before the link: a version that cannot even write its unit never becomes the one that runs.
        return [Call(words), _Switch(self.versions, name), *self._asked(Call(["systemctl", "daemon-reload"]))]

    def _started(self) -> list[Step]:
        return self._asked(Call(["systemctl", "restart", SERVICE], _LOOK))

    def _backed_up(self, backup: Path) -> list[Step]:
        if not (self.places.data / "kilowatch.db").exists():
            # It may be the first update of a service that has never run, or its database lies on another machine.
            return [_Note(f"make no backup: no kilowatch.db in {self.places.data}; for another: kilowatch backup FILE")]
        folder: list[Step] = [Folder(self.places.backups, 0o750)]
        folder += self._asked(Call(["chown", f"{SERVICE}:{SERVICE}", str(self.places.backups)]))
        words = [*self._program(self.places.program / "current"), "backup", str(backup)]
        return [*folder, Call(words, "Nothing has been changed.", self._environment())]

    def _program(self, version: Path) -> list[str]:
        """As the account of the service: a file that root makes in its folder would lock it out."""
        account = ["setpriv", f"--reuid={SERVICE}", f"--regid={SERVICE}", "--init-groups"]
        return [*(account if self.places.is_machine else []), str(version / "bin" / "kilowatch")]

    def _environment(self) -> dict[str, str]:
        lines = self.places.secrets.read_text().splitlines() if self.places.secrets.exists() else []
        # So much of systemd's rules for an EnvironmentFile as a file of secrets needs.
        pairs = [line.partition("=") for line in map(str.strip, lines) if line and not line.startswith("#")]
        return {key: value.strip("\"'") for key, _, value in pairs} | {
            "KILOWATCH_CONFIG": str(self.places.config),
            "KILOWATCH_DATA__FOLDER": str(self.places.data),
        }

    def _asked(self, *calls: Call) -> list[Step]:
        """What only the machine that we run on can be asked."""
        return list(calls) if self.places.is_machine else []

    def _is_installed(self) -> None:
        self._may_be_changed()
        if self.versions.current() is None:
            raise ComponentError("kilowatch is not installed here.", "kilowatch edge install")

    def _may_be_changed(self) -> None:
        if not self.places.is_machine:
            return
        # The folder is there where systemd is the init (sd_booted(3)); its tools may be installed anywhere.
        if shutil.which("systemctl") is None or not Path("/run/systemd/system").exists():
            raise ComponentError("This machine is not run by systemd.", "A container image is another way, or --root.")
        if os.geteuid() != 0:
            raise ConfigError("Only root may change what a machine runs.", "Run it with sudo.")
