"""`kilowatch device`, `backup` and `restore`, as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from kilowatch.app.registry import Registry
from kilowatch.app.stores import DataFolder
from kilowatch.cli.device import edit_of
from kilowatch.cli.main import app
from kilowatch.core.device import Kind, first_seen
from kilowatch.core.history import DAY_MS
from kilowatch.errors import ConfigError, KilowatchError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.history import EdgeHistory
from links.test_history import START_MS, rows_of

if TYPE_CHECKING:
    from pathlib import Path

AT_MS = 1_767_225_600_000


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILOWATCH_DATA__FOLDER", "data")
    folder = DataFolder(tmp_path / "data")
    database = Database(DatabaseSettings(f"sqlite:///{folder.database}"))
    database.upgrade()
    Registry(database).meet([first_seen("home", "fridge"), first_seen("home", "tv [big]")], AT_MS)
    database.close()
    history = EdgeHistory(folder.history)
    history.append(rows_of(100))
    history.close()
    return folder


def typed(*words: str, given: str | None = None) -> str:
    result = CliRunner().invoke(app, list(words), input=given, env={"COLUMNS": "200"})
    if isinstance(result.exception, KilowatchError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def listed() -> dict[str, Any]:
    output = json.loads(typed("device", "list", "--json"))
    assert output["schema"] == "kilowatch.devices"
    return {known["record"]["device"]: known for known in output["devices"]}


def test_devices_are_listed_and_shown(data: DataFolder) -> None:
    assert "tv [big]" in typed("device", "list")
    assert set(listed()) == {"fridge", "tv [big]"}
    shown = typed("device", "show", "home", "fridge")
    assert "unknown" in shown
    assert "set by a person" not in shown


def test_what_a_person_sets_is_shown_as_theirs(data: DataFolder) -> None:
    assert "version 2" in typed("device", "set", "home", "fridge", "kind=fridge", "rating_w=90", "protected=true")
    known = listed()["fridge"]
    assert set(known["edited"]) == {"kind", "protected", "rating_w"}
    assert "set by a person" in typed("device", "show", "home", "fridge")
    with pytest.raises(ConfigError, match="not known"):
        typed("device", "set", "home", "toaster", "kind=oven")


@pytest.mark.parametrize("word", ["kind=unicorn", "rating_w=-1", "colour=red", "kind", "protected=perhaps"])
def test_what_makes_no_sense_is_refused_in_words(word: str) -> None:
    with pytest.raises(ConfigError) as error:
        edit_of([word])
    assert error.value.hint


def test_values_are_read_as_their_fields_want_them() -> None:
    wish = edit_of(["kind=tv", "rating_w=70.5", "plug=null", "protected=false", "muted_until=5"])
    assert (wish.kind, wish.rating_w, wish.plug, wish.protected, wish.muted_until) == (Kind.TV, 70.5, None, False, 5)
    assert wish.said == {"kind", "rating_w", "plug", "protected", "muted_until"}


def test_a_deleted_device_is_gone_from_table_and_files_and_asked_about_first(data: DataFolder) -> None:
    assert CliRunner().invoke(app, ["device", "delete", "home", "fridge"], input="n\n").exit_code == 1
    assert "fridge" in listed()
    typed("device", "delete", "home", "fridge", given="y\n")
    assert set(listed()) == {"tv [big]"}
    assert not any(b"fridge" in path.read_bytes() for path in data.history.rglob("*.journal"))


def test_a_backup_comes_back(data: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("")
    assert "Saved" in typed("backup", "all.tar.gz", "-c", "own.toml")
    typed("device", "delete", "home", "fridge", "--yes")
    with pytest.raises(ConfigError, match="There is data already"):
        typed("restore", "all.tar.gz")
    assert "Restored" in typed("restore", "all.tar.gz", "--force")
    assert set(listed()) == {"fridge", "tv [big]"}
    past = EdgeHistory(data.history).query("home", "fridge", START_MS, START_MS + DAY_MS, 10)
    assert past.buckets.samples.sum() == 100
