"""How to reach the database: SQLite that survives a power cut, PostgreSQL with TLS verified."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from kilowatch.config.database import TlsMode
from kilowatch.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Certificates in PEM files. mode None: `verify-full`, or `prefer` where the server is on this machine."""

    mode: TlsMode | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`, the password best left to the environment.

    survives_power_cut: every SQLite commit waits for the disk; False may lose the last commits, never the file.
    """

    url: str
    tls: TlsOptions = TlsOptions()
    survives_power_cut: bool = True
    busy_timeout_s: float = 10.0
    connect_timeout_s: float = 5.0


READ_ONLY = "kilowatch_read_only"
"""Execution option: begin without asking for SQLite's one write lock."""


def open_engine(settings: DatabaseSettings) -> Engine:
    """Return an engine that has not connected yet; `ConfigError` where the address cannot be meant."""
    url = _url_of(settings.url)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, settings)
    return _postgresql(url, settings)


def _url_of(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise ConfigError("The database address cannot be read.", _ADDRESSES) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(f"Databases of kind {url.get_backend_name()} are not supported.", _ADDRESSES)
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigError("The database address names no file.", _ADDRESSES)
    return url


_ADDRESSES = "Use sqlite:///FILE or postgresql://USER@HOST/NAME."


def _sqlite(url: URL, settings: DatabaseSettings) -> Engine:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"Folder {folder} cannot be made: {error.strerror}.", "Choose another place.") from error
    engine = create_engine(url.set(drivername="sqlite"), connect_args={"timeout": settings.busy_timeout_s})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        # Python's driver would commit before DDL and begin late; transactions are begun below instead.
        connection.isolation_level = None
        # Whoever reads, such as the page, and the one who writes do not wait for each other.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if settings.survives_power_cut else 'NORMAL'}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and asks for the write lock later fails at once when another wrote between.
        wants_lock = not connection.get_execution_options().get(READ_ONLY)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_lock else "BEGIN")

    return engine


def _postgresql(url: URL, settings: DatabaseSettings) -> Engine:
    # libpq knows whole seconds, and none under 2.
    options = _tls(url, settings.tls) | {"connect_timeout": max(2, round(settings.connect_timeout_s))}
    try:
        # pre_ping: a server that was restarted leaves dead connections in the pool.
        return create_engine(url.set(drivername="postgresql+psycopg"), connect_args=options, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError("psycopg", "postgres") from error


def _tls(url: URL, tls: TlsOptions) -> dict[str, Any]:
    """Return libpq's options; what the address itself says stands."""
    mode = tls.mode or (TlsMode.PREFER if _is_here(url) else TlsMode.VERIFY_FULL)
    options = {"sslmode": mode.value}
    if tls.ca is not None:
        options["sslrootcert"] = str(tls.ca)
    elif mode is TlsMode.VERIFY_FULL:
        # Else libpq looks for a file in the user's home and nowhere else.
        options["sslrootcert"] = "system"
    for name, path in (("sslcert", tls.certificate), ("sslkey", tls.key)):
        if path is not None:
            options[name] = str(path)
    return {name: value for name, value in options.items() if name not in url.query}


def _is_here(url: URL) -> bool:
    host = url.host or str(url.query.get("host", "/"))
    if host == "localhost" or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
