"""Where a process keeps what it knows: the database's address and the places in the data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from kilowatch.links.database import DatabaseSettings, TlsOptions

if TYPE_CHECKING:
    from kilowatch.config.database import DatabaseConfig
    from kilowatch.config.sections import Config


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The places in a data folder."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file of a process without another database."""
        return self.root / "kilowatch.db"

    @property
    def history(self) -> Path:
        """What people look at."""
        return self.root / "history"

    @property
    def outbox(self) -> Path:
        """What waits for upstream."""
        return self.root / "outbox"

    @property
    def log(self) -> Path:
        """Messages of the edge that a snapshot does not cover yet."""
        return self.root / "log"

    @property
    def files(self) -> Path:
        """How far followed files were read."""
        return self.root / "files"

    @property
    def snapshots(self) -> Path:
        """What the edge has come to know."""
        return self.root / "snapshots"

    @property
    def kept(self) -> tuple[Path, ...]:
        """The folders that a backup holds: all but what only waits to be sent."""
        return self.history, self.snapshots, self.log


def data_folder(config: Config) -> DataFolder:
    """Return the data folder of a config."""
    return DataFolder(Path(config.data.folder))


def database_settings(config: Config) -> DatabaseSettings:
    """Return how to reach the database of a config."""
    if not config.database.url:
        return DatabaseSettings(f"sqlite:///{data_folder(config).database}")
    tls = _tls(config.database)
    if config.database.password is None:
        return DatabaseSettings(config.database.url, tls)
    url = make_url(config.database.url).set(password=config.database.password.reveal())
    # A URL of SQLAlchemy hides its password from whoever makes a text of it: here it is needed.
    return DatabaseSettings(url.render_as_string(hide_password=False), tls)


def _tls(config: DatabaseConfig) -> TlsOptions:
    ca, certificate, key = (
        None if file is None else Path(file) for file in (config.ca_file, config.cert_file, config.key_file)
    )
    return TlsOptions(config.sslmode, ca, certificate, key)
