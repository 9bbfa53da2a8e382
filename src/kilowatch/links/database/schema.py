"""The schema's versions: upgraded by its one owner on start, only looked at by everyone else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from kilowatch.errors import ComponentError, StateError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

REVISIONS = ("0001", "0002", "0003")
"""Every version that this kilowatch knows, oldest first: nothing of Alembic is loaded where nothing is to be done."""
_OWNERS_LOCK = 0x6B77_6F77
"""PostgreSQL's advisory lock under which one owner at a time upgrades."""


def newest() -> str:
    """Return the version that this kilowatch writes."""
    return REVISIONS[-1]


def current(connection: Connection) -> str | None:
    """Return the version that the database has, None where it holds no schema yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the schema up to date in the connection's transaction; `StateError` where it is newer, unchanged."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _OWNERS_LOCK})
    # Asked under the lock: another owner may have upgraded while we waited for it.
    version = current(connection)
    refuse_newer(version)
    if version == newest() and to in ("head", version):
        return
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def check(connection: Connection) -> None:
    """Hold that the schema is the one this kilowatch knows; `ComponentError` where its owner has yet to upgrade it."""
    version = current(connection)
    refuse_newer(version)
    if version != newest():
        raise ComponentError(
            f"The database has schema {version or 'none'}, this kilowatch needs {newest()}.",
            "Start its owner first: kilowatch serve registry, or kilowatch run.",
        )


def refuse_newer(version: str | None) -> None:
    """Raise `StateError` where a version is not one that this kilowatch knows."""
    if version is not None and version not in REVISIONS:
        raise StateError(
            f"The database has schema {version}, newer than this kilowatch knows ({newest()}).",
            "Upgrade kilowatch, or restore a backup that was made with this version.",
        )


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    # Alembic reads options with interpolation: a bare % in a path would be an error.
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
