"""Where an installation keeps what: one table of paths, as seen by the machine or below another root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SERVICE = "kilowatch"
"""The name of the unit, of the account that it runs as, and of its namespace in the journal."""


@dataclass(frozen=True, slots=True)
class Places:
    """Paths of an installation. root: / for this machine, a mounted image or a test's folder otherwise."""

    root: Path = Path("/")

    @property
    def program(self) -> Path:
        """Versions of the program, and the link to the one that runs."""
        return self.root / "opt/kilowatch"

    @property
    def config(self) -> Path:
        """The settings."""
        return self.root / "etc/kilowatch/kilowatch.toml"

    @property
    def secrets(self) -> Path:
        """Passwords and tokens, as KILOWATCH_...=..., a line each."""
        return self.root / "etc/kilowatch/secrets.env"

    @property
    def data(self) -> Path:
        """What must outlive the program: the one folder that is written to."""
        return self.root / "var/lib/kilowatch"

    @property
    def backups(self) -> Path:
        """A backup of before each update."""
        return self.data / "backups"

    @property
    def unit(self) -> Path:
        """The systemd unit."""
        return self.root / f"etc/systemd/system/{SERVICE}.service"

    @property
    def wanted(self) -> Path:
        """The link by which the unit starts at boot."""
        return self.root / f"etc/systemd/system/multi-user.target.wants/{SERVICE}.service"

    @property
    def journal(self) -> Path:
        """How much of its log is kept."""
        return self.root / f"etc/systemd/journald@{SERVICE}.conf"

    @property
    def account(self) -> Path:
        """The account, for systemd-sysusers."""
        return self.root / f"etc/sysusers.d/{SERVICE}.conf"

    @property
    def command(self) -> Path:
        """The command for people."""
        return self.root / "usr/local/bin/kilowatch"

    @property
    def is_machine(self) -> bool:
        """Whether this is the machine that we run on, whose systemd we may ask."""
        return self.root == Path("/")

    def time_zone(self) -> str:
        """Return the time zone that the machine is set to, UTC where it does not say."""
        told = self.root / "etc/timezone"
        return told.read_text().strip() if told.exists() else "UTC"

    def inside(self, path: Path) -> str:
        """Return a path as it will be seen by the machine that boots from this root."""
        return "/" + path.relative_to(self.root).as_posix()
