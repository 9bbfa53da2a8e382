"""A migrated database of a test's own, once on SQLite and once on a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kilowatch.links.database import Database, DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOTH = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kilowatch.db'}"
    url: str = request.getfixturevalue("empty_database")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(DatabaseSettings(database_url))
    database.upgrade()
    yield database
    database.close()
