"""Backup and restore: the same data back, between both kinds of database, and never over data without force."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from app.edge.stage import StageClock, live, messages, opened
from app.homes import home
from kilowatch.app.backup import back_up, restore
from kilowatch.app.registry import Registry
from kilowatch.app.stores import DataFolder
from kilowatch.core.device import first_seen
from kilowatch.core.events import LabelWord
from kilowatch.core.history import DAY_MS, FIVE_MINUTES_MS
from kilowatch.errors import ComponentError, ConfigError, StateError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.database.dump import TABLES, rows_of
from kilowatch.links.history import EdgeHistory
from links.databases import BOTH, database, database_url
from links.incidents import AT_MS, STORY
from links.test_history import START_MS
from links.test_history import rows_of as past_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["database", "database_url"]

DEVICES = [first_seen("home", "fridge"), first_seen("home", "tv")]


def lived_in(database: Database, data: DataFolder) -> None:
    registry = Registry(database)
    registry.meet(DEVICES, AT_MS)
    registry.project(STORY)
    registry.label(STORY[0].id, LabelWord.REAL, "anna", AT_MS)
    with database.begin() as books:
        books.jobs.ask("rehearse", b"\x00\xff", "anna", AT_MS)
    history = EdgeHistory(data.history)
    for day in range(4):
        history.append(past_of(288, start_ms=START_MS + day * DAY_MS, step_ms=FIVE_MINUTES_MS))
    history.close()


def contents(database: Database) -> dict[str, list[bytes]]:
    with database.read() as books:
        return {name: list(rows_of(books.connection, name)) for name in TABLES}


def history_of(data: DataFolder) -> list[int]:
    history = EdgeHistory(data.history)
    past = history.query("home", "fridge", START_MS, START_MS + 4 * DAY_MS, 100)
    history.close()
    return past.buckets.total_dw.tolist()


@pytest.fixture(params=BOTH)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'target.db'}"
    url: str = request.getfixturevalue("postgres_server").create("restored_" + str(abs(hash(tmp_path))))
    return url


def test_all_comes_back_into_either_kind_of_database(database: Database, target: str, tmp_path: Path) -> None:
    data, other = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "other")
    lived_in(database, data)
    manifest = back_up(database, data, tmp_path / "all.tar.gz", AT_MS)
    restored = Database(DatabaseSettings(target))
    assert restore(restored, other, tmp_path / "all.tar.gz") == manifest
    assert contents(restored) == contents(database)
    assert history_of(other) == history_of(data)
    restored.check()
    Registry(restored).meet([first_seen("home", "new")], AT_MS)
    with restored.begin() as books:
        assert books.outbox.waiting() == 7
        assert books.jobs.ask("rehearse", b"", "anna", AT_MS) == 2
    with pytest.raises(Exception, match="append-only"), restored.begin() as books:
        books.connection.execute(text("DELETE FROM audit"))
    restored.close()


def test_data_that_is_there_is_replaced_by_force_alone(database: Database, tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    lived_in(database, data)
    back_up(database, data, tmp_path / "all.tar.gz", AT_MS)
    Registry(database).delete("home", "tv", "anna", AT_MS)
    before = contents(database)
    with pytest.raises(ConfigError, match="There is data already") as refused:
        restore(database, data, tmp_path / "all.tar.gz")
    assert "--force" in refused.value.hint
    assert contents(database) == before
    restore(database, data, tmp_path / "all.tar.gz", force=True)
    assert [record.device for record in Registry(database).records()] == ["fridge", "tv"]
    assert sum(history_of(data)) == 4 * 10 * sum(range(288))


def test_a_torn_damaged_or_newer_backup_changes_nothing(database: Database, tmp_path: Path) -> None:
    data, file = DataFolder(tmp_path / "data"), tmp_path / "all.tar.gz"
    lived_in(database, data)
    back_up(database, data, file, AT_MS)
    before, whole = contents(database), file.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 2000):
        file.write_bytes(whole[:size])
        with pytest.raises(StateError):
            restore(database, data, file, force=True)
    for name, old, new, said in (
        ("manifest.json", b'"format": 1', b'"format": 9', "newer"),
        ("manifest.json", b'"schema": "0003"', b'"schema": "9999"', "newer than"),
        ("tables/devices.jsonl", b"fridge", b"frodge", "damaged: tables/devices.jsonl"),
    ):
        file.write_bytes(whole)
        rewrite(file, tmp_path / "x", name, old, new)
        with pytest.raises(StateError, match=said):
            restore(database, data, file, force=True)
    assert contents(database) == before
    with pytest.raises(ConfigError, match="There is no backup"):
        restore(database, data, tmp_path / "none")


def test_an_archive_that_is_no_backup_is_told_as_that(database: Database, tmp_path: Path) -> None:
    data, file = DataFolder(tmp_path / "data"), tmp_path / "all.tar.gz"
    lived_in(database, data)
    back_up(database, data, file, AT_MS)
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path / "x", filter="data")
    with tarfile.open(file, "w:gz") as archive:
        archive.add(tmp_path / "x" / "tables", "tables")
    with pytest.raises(StateError, match=r"holds no manifest\.json"):
        restore(database, data, file, force=True)


def test_a_restored_edge_goes_on_with_all_that_it_had_learnt(tmp_path: Path) -> None:
    here, there, file = DataFolder(tmp_path / "here"), DataFolder(tmp_path / "there"), tmp_path / "all.tar.gz"
    clock, said = StageClock(), messages(home(2.2))
    running = opened(here.root, clock)
    live(running, clock, said[:-20])
    running.edge.save()
    live(running, clock, said[-20:])
    back_up(running.parts.database, here, file, AT_MS)
    wanted, end = running.parts.subject.save(), running.parts.log.next_offset
    running.close()
    empty = Database(DatabaseSettings(f"sqlite:///{there.database}"))
    restore(empty, there, file)
    empty.close()
    again = opened(there.root, clock)
    assert again.parts.log.next_offset == end
    assert again.parts.subject.save() == wanted
    again.close()


def rewrite(file: Path, folder: Path, name: str, old: bytes, new: bytes) -> None:
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    changed = folder / name
    assert old in changed.read_bytes()
    changed.write_bytes(changed.read_bytes().replace(old, new))
    with tarfile.open(file, "w:gz") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.add(path, path.relative_to(folder).as_posix())
    changed.write_bytes(changed.read_bytes().replace(new, old))


def test_a_name_that_leads_out_of_the_folder_is_refused(database: Database, tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("x")
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "evil", "tables/../../evil.jsonl")
    with pytest.raises(StateError, match="which no backup does"):
        restore(database, DataFolder(tmp_path / "data"), tmp_path / "all.tar.gz")


def test_a_running_kilowatch_is_backed_up_and_not_restored_over(database: Database, tmp_path: Path) -> None:
    data, file = DataFolder(tmp_path / "data"), tmp_path / "all.tar.gz"
    lived_in(database, data)
    running = EdgeHistory(data.history)
    back_up(database, data, file, AT_MS)
    with pytest.raises(ComponentError, match="in use"):
        restore(database, data, file, force=True)
    running.close()
    restore(database, data, file, force=True)


def test_an_empty_database_has_nothing_to_back_up(tmp_path: Path) -> None:
    empty = Database(DatabaseSettings(f"sqlite:///{tmp_path / 'k.db'}"))
    with pytest.raises(ConfigError, match="nothing to back up"):
        back_up(empty, DataFolder(tmp_path / "data"), tmp_path / "all.tar.gz", AT_MS)
    assert not (tmp_path / "all.tar.gz").exists()
    with pytest.raises(ConfigError, match="There is no folder"):
        back_up(empty, DataFolder(tmp_path / "data"), tmp_path / "nowhere" / "all.tar.gz", AT_MS)
