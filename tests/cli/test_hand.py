"""`kilowatch device arm` and its kin, `incident`, `audit`, `doctor` and `discover`, as a person types them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from typer.testing import CliRunner

from app.actor.stage import HEATER, NOW_MS, ODD
from cli.homes import called
from core.messages import EVENT
from kilowatch.app.registry import Registry
from kilowatch.app.stores import DataFolder
from kilowatch.cli.main import app
from kilowatch.core.device import ActsBy, Kind, Stage, first_seen
from kilowatch.core.events import ActionState
from kilowatch.core.records import AuditEntry
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.sim.plugs import Make
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from pathlib import Path

WATCHED = msgspec.structs.replace(
    HEATER, stage=Stage.WATCHING, acts_by=ActsBy.NONE, plug="shelly2://192.0.2.1/0", device="heater"
)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILOWATCH_DATA__FOLDER", "data")
    folder = DataFolder(tmp_path / "data")
    folder.root.mkdir()
    made = Database(DatabaseSettings(f"sqlite:///{folder.database}"))
    made.upgrade()
    learning = msgspec.structs.replace(WATCHED, device="lamp", stage=Stage.LEARNING)
    bare = msgspec.structs.replace(WATCHED, device="tv", plug=None)
    Registry(made).meet([WATCHED, learning, bare, first_seen("home", "fridge", Kind.FRIDGE)], NOW_MS)
    Registry(made).project([ODD])
    return made


def record(database: Database, device: str) -> dict[str, Any]:
    with database.read() as transaction:
        known = transaction.devices.get("home", device)
    assert known is not None
    found: dict[str, Any] = msgspec.to_builtins(known.record)
    return found


def test_arming_is_a_persons_word_and_can_be_taken_back(database: Database) -> None:
    said = called("device", "arm", "home", "heater").out
    assert "dry run" in said
    assert record(database, "heater")["stage"] == "armed"
    assert record(database, "heater")["acts_by"] == "edge"
    called("device", "disarm", "home", "heater")
    assert record(database, "heater")["stage"] == "watching"


@pytest.mark.parametrize(
    ("device", "why", "fix"),
    [
        ("fridge", "is protected", "unprotect"),
        ("lamp", "still being learnt", "doctor"),
        ("tv", "no plug", "plug="),
        ("toaster", "not known", "device list"),
    ],
)
def test_what_may_not_be_armed_is_refused_and_says_why(database: Database, device: str, why: str, fix: str) -> None:
    with pytest.raises(ConfigError, match=why) as error:
        called("device", "arm", "home", device)
    assert fix in error.value.hint


def test_protection_is_given_and_taken_and_stands_above_arming(database: Database) -> None:
    called("device", "protect", "home", "heater")
    with pytest.raises(ConfigError, match="is protected"):
        called("device", "arm", "home", "heater")
    called("device", "unprotect", "home", "heater")
    assert "is armed" in called("device", "arm", "home", "heater").out


def test_a_device_is_muted_for_a_while_and_heard_again(database: Database) -> None:
    called("device", "mute", "home", "heater", "--for", "2h")
    assert record(database, "heater")["muted_until"] > NOW_MS
    assert "heard again" in called("device", "mute", "home", "heater", "--for", "0").out
    assert "muted_until" not in record(database, "heater")


def test_incidents_are_listed_shown_labelled_and_acknowledged(database: Database) -> None:
    listed = called("incident", "list", "--json").json
    assert listed["schema"] == "kilowatch.incidents"
    assert [one["event"]["id"] for one in listed["incidents"]] == [ODD.id]
    assert "Your word: none yet" in called("incident", "show", ODD.id).out
    called("incident", "label", ODD.id, "real")
    called("incident", "ack", ODD.id)
    shown = called("incident", "show", ODD.id).out
    assert "Your word: real" in shown
    assert "has seen the incident" in shown
    assert "no label now" in called("incident", "undo", ODD.id).out
    with pytest.raises(ConfigError, match="not known"):
        called("incident", "show", "none")


def test_the_audit_is_a_story_in_plain_words(database: Database) -> None:
    steps = {
        "notify": "Would switch heater off, but it is protected.",
        ActionState.CLAIMED.value: "Heater is switched off: on for 41 min.",
        ActionState.SENT.value: "Heater is switched off: on for 41 min.",
        ActionState.CONFIRMED.value: "Read back: the plug says off.",
        ActionState.UNCONFIRMED.value: "the plug does not answer",
    }
    with database.begin() as transaction:
        for what, why in steps.items():
            line = AuditEntry(
                ts_ms=NOW_MS,
                what=what,
                who="kilowatch",
                why=why,
                site="home",
                device="heater",
                incident=ODD.id,
                score=EVENT.score,
                window_from_ms=NOW_MS - 60_000,
                window_to_ms=NOW_MS,
                avoided_wh=350.0 if what == "confirmed" else None,
            )
            transaction.audit.add(line)
    told = called("audit", "show", width=200).out
    for words in (
        "it is protected",
        "Told the plug of heater",
        "That saved about 350 Wh",
        "A person was asked to look",
    ):
        assert words in told
    entries = called("audit", "show", "--json").json["entries"]
    assert [entry["what"] for entry in entries] == list(steps)


def test_doctor_finds_a_plug_that_answers_and_one_that_does_not(database: Database) -> None:
    plug = plug_of(Make.SHELLY2)
    with host_of(plug):
        called("device", "set", "home", "heater", f"plug={plug.address}")
        called("device", "set", "home", "lamp", "plug=shelly1://127.0.0.1:9/0")
        result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert checks["plug heater"]["mark"] == "ok"
    assert checks["plug lamp"]["mark"] == "fail"
    assert checks["plug lamp"]["fix"]
    assert {"settings", "data folder", "disk", "database", "clock", "switching"} <= set(checks)
    assert "not armed meanwhile" in checks["learning lamp"]["found"]
    assert [seen.switched for seen in plug.seen] == [None] * len(plug.seen)


def test_doctor_says_what_is_wrong_with_settings_and_brokers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kilowatch.toml").write_text("[sight]\n")
    said = called("doctor")
    assert said.code == 1
    assert "fail" in said.out
    (tmp_path / "kilowatch.toml").write_text("[policy]\ndry_run = true\n")
    assert called("doctor").code == 0


def test_a_database_that_is_not_there_says_what_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ComponentError):
        called("audit", "show")
