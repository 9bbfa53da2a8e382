"""Migrations: one owner upgrades, nobody touches what is newer, and the steps lead to the tables as they are."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text
from sqlalchemy.engine import make_url

from kilowatch.config.database import TlsMode
from kilowatch.core.records import Offset
from kilowatch.core.usage import Quantity
from kilowatch.errors import ComponentError, ConfigError, StateError
from kilowatch.links.database import Database, DatabaseSettings, TlsOptions, schema
from kilowatch.links.database.engine import _tls, open_engine
from kilowatch.links.database.tables import metadata
from links.databases import database, database_url

if TYPE_CHECKING:
    from supervisor.postgres import Postgres

__all__ = ["database", "database_url"]


def test_the_steps_lead_to_the_tables_as_they_are(database: Database) -> None:
    with database.begin() as books:
        assert compare_metadata(MigrationContext.configure(books.connection), metadata) == []


def test_the_versions_are_those_of_the_steps() -> None:
    steps = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    assert [step.revision for step in steps.walk_revisions()] == list(reversed(schema.REVISIONS))


def test_a_table_that_was_never_written_goes_and_what_was_said_stays(database_url: str) -> None:
    opened = Database(DatabaseSettings(database_url))
    with opened.begin() as books:
        schema.upgrade(books.connection, "0002")
        assert inspect(books.connection).has_table("history_raw")
        books.offsets.save("reader", [Offset(topic="IoTDevices", partition=0, next=7)])
    opened.upgrade()
    opened.check()
    with opened.read() as books:
        assert not inspect(books.connection).has_table("history_raw")
        assert [one.next for one in books.offsets.load("reader")] == [7]
    opened.close()


def test_nothing_of_alembic_is_asked_where_the_schema_is_as_it_should_be(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "alembic", None)
    database.upgrade()
    database.check()


def test_upgrading_again_changes_nothing_and_others_find_it_ready(database: Database) -> None:
    database.upgrade()
    database.check()


def test_who_does_not_own_it_waits_for_the_owner(database_url: str) -> None:
    reader = Database(DatabaseSettings(database_url))
    with pytest.raises(ComponentError, match="schema none") as wait:
        reader.check()
    assert "kilowatch serve registry" in wait.value.hint
    reader.close()


def test_a_newer_schema_is_refused_and_not_touched(database_url: str) -> None:
    owner = Database(DatabaseSettings(database_url))
    owner.upgrade()
    with owner.begin() as books:
        books.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        books.connection.execute(text("CREATE TABLE from_tomorrow (id INTEGER)"))
    owner.close()
    before = Path(database_url.removeprefix("sqlite:///")).read_bytes() if "sqlite" in database_url else b""
    again = Database(DatabaseSettings(database_url))
    for look in (again.upgrade, again.check):
        with pytest.raises(StateError, match="9999, newer than"):
            look()
    again.close()
    if before:
        assert Path(database_url.removeprefix("sqlite:///")).read_bytes() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://x/y", "kind mysql"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("not an address", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_engine(DatabaseSettings(url))


def test_a_file_that_is_no_database_is_told_as_broken(tmp_path: Path) -> None:
    (tmp_path / "k.db").write_bytes(b"these are not the tables you are looking for" * 100)
    with pytest.raises(StateError, match="is broken"):
        Database(DatabaseSettings(f"sqlite:///{tmp_path / 'k.db'}")).upgrade()


def test_a_database_that_another_writes_to_for_too_long_is_told_as_held(tmp_path: Path) -> None:
    settings = DatabaseSettings(f"sqlite:///{tmp_path / 'k.db'}", busy_timeout_s=0.1)
    one, other = Database(settings), Database(settings)
    one.upgrade()
    with one.begin(), other.read() as reading:
        assert reading.devices.all() == []
        with pytest.raises(ComponentError, match="held by another process"), other.begin():
            pass
    one.close()
    other.close()


def test_threads_of_one_process_stand_in_line_to_write(tmp_path: Path) -> None:
    opened = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'k.db'}"))
    opened.upgrade()
    began: list[str] = []
    event.listen(opened._engine, "begin", lambda _: began.append(threading.current_thread().name), insert=True)

    def write() -> None:
        with opened.begin() as books:
            books.offsets.save("other", [])

    other = threading.Thread(target=write, name="other")
    with opened.begin():
        other.start()
        time.sleep(0.2)
        # it has not even asked SQLite, which would let it sleep on for up to 0.1 s after the lock is free
        assert began == ["MainThread"]
    other.join(10)
    assert began == ["MainThread", "other"]
    opened.close()


def test_sqlite_waits_for_the_disk_unless_told_otherwise(tmp_path: Path) -> None:
    for survives, level in ((True, 2), (False, 1)):
        settings = DatabaseSettings(f"sqlite:///{tmp_path / 'k.db'}", survives_power_cut=survives)
        opened = Database(settings)
        with opened.begin() as books:
            assert books.connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
            assert books.connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        opened.close()


@pytest.mark.postgres
def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    away = Database(DatabaseSettings("postgresql://anna:secret-word@127.0.0.1:1/kilowatch"))
    with pytest.raises(ComponentError, match="does not answer") as error:
        away.check()
    assert "secret-word" not in f"{error.value} {error.value.hint}"


@pytest.mark.postgres
def test_tls_is_verified_and_a_stranger_s_certificate_refused(postgres_server: Postgres, tmp_path: Path) -> None:
    full = TlsOptions(TlsMode.VERIFY_FULL, ca=postgres_server.authority)
    trusted = Database(DatabaseSettings(postgres_server.url, full))
    with trusted.read() as books:
        in_use = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert books.connection.execute(in_use).scalar() is True
    trusted.close()
    unknown = Database(DatabaseSettings(postgres_server.url, TlsOptions(TlsMode.VERIFY_FULL)))
    with pytest.raises(ComponentError, match="certificate"):
        unknown.check()


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("db.example", "verify-full"),
        ("10.0.0.5", "verify-full"),
        ("127.0.0.1", "prefer"),
        ("localhost", "prefer"),
        ("[::1]", "prefer"),
        ("", "prefer"),
    ],
)
def test_tls_is_verified_by_default_except_on_this_machine(host: str, mode: str) -> None:
    assert _tls(make_url(f"postgresql://u@{host}/k"), TlsOptions())["sslmode"] == mode
    assert "sslmode" not in _tls(make_url(f"postgresql://u@{host}/k?sslmode=require"), TlsOptions())
    assert _tls(make_url(f"postgresql://u@{host}/k"), TlsOptions(TlsMode.REQUIRE))["sslmode"] == "require"


def test_the_days_of_usage_have_a_column_for_each_quantity() -> None:
    columns = [column.name for column in metadata.tables["device_days"].columns]
    assert columns == ["site", "device", "day", *(quantity.name.lower() for quantity in Quantity)]
