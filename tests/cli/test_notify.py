"""`kilowatch notify` and `kilowatch models shadow`, as a person types them, with real servers and a real database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from core.told import event
from kilowatch.app.registry import Registry
from kilowatch.app.stores import DataFolder
from kilowatch.cli.main import app
from kilowatch.core.device import Kind
from kilowatch.core.notices import Phase, notice_of
from kilowatch.core.shadow import ShadowCount, ShadowSpan, Verdicts
from kilowatch.errors import ConfigError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.database.notices import Notices
from kilowatch.links.database.shadow import ShadowBook
from links.notify.servers import mail, web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIVE, CANDIDATE = "a" * 64, "b" * 64


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KILOWATCH_DATA__FOLDER", "data")
    folder = DataFolder(tmp_path / "data")
    folder.root.mkdir()
    made = Database(DatabaseSettings(f"sqlite:///{folder.database}"))
    made.upgrade()
    yield made
    made.close()


def test_a_message_goes_out_by_every_channel_and_failures_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with web() as hook, mail() as post:
        for name, value in {
            "WEBHOOK__URL": hook.url,
            "EMAIL__HOST": "127.0.0.1",
            "EMAIL__PORT": str(post.port),
            "EMAIL__TLS": "none",
            "EMAIL__TO": "me@example.com",
        }.items():
            monkeypatch.setenv(f"KILOWATCH_NOTIFY__{name}", value)
        done = CliRunner().invoke(app, ["notify", "test"])
        assert done.exit_code == 0, done.output
        assert "taken email" in done.output
        assert post.messages[0]["Subject"] == "kilowatch can reach you"
        hook.statuses = [500]
        failed = CliRunner().invoke(app, ["notify", "test", "--channel", "webhook"])
    assert failed.exit_code == 4
    assert "HTTP 500" in failed.output
    assert [posted.body["phase"] for posted in hook.posted] == ["test", "test"]


def test_without_a_channel_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    failed = CliRunner().invoke(app, ["notify", "test"])
    assert isinstance(failed.exception, ConfigError)
    assert "docs/notifications.md" in failed.exception.hint


def test_what_waits_is_shown(database: Database) -> None:
    with database.begin() as books:
        Notices(books.connection).put("email", "i1", notice_of(event("i1"), Phase.BEGAN), 1, 1)
    shown = CliRunner().invoke(app, ["notify", "status"])
    assert shown.exit_code == 0
    assert "email" in shown.output
    assert "waiting" in shown.output
    said = json.loads(CliRunner().invoke(app, ["notify", "status", "--json"]).output)
    assert said["schema"] == "kilowatch.notify"
    assert said["counts"] == [{"channel": "email", "state": "waiting", "notices": 1}]


def judged(database: Database) -> None:
    Registry(database).choose_model(Kind.FRIDGE, LIVE, CANDIDATE)
    known = {"site": "home", "device": "fridge", "live": LIVE, "model": CANDIDATE}
    verdicts = Verdicts(live_alone=20)
    count = ShadowCount(**known, kind="fridge", first_ms=1, last_ms=9_000, samples=2880, verdicts=verdicts)
    span = ShadowSpan(**known, from_ms=5, to_ms=600, verdicts=verdicts, live_peak=2.5, shadow_peak=0.4)
    with database.begin() as books:
        ShadowBook(books.connection).add([count], [span])


def test_a_candidate_is_shown_with_its_evidence_and_promoted(database: Database) -> None:
    judged(database)
    listed = CliRunner().invoke(app, ["models", "shadow", "list"])
    assert CANDIDATE[:12] in listed.output
    assert "2,880" in listed.output
    said = json.loads(CliRunner().invoke(app, ["models", "shadow", "list", "--json"]).output)
    assert said["candidates"] == [{"kind": "fridge", "live": LIVE, "shadow": CANDIDATE, "samples": 2880}]
    shown = CliRunner().invoke(app, ["models", "shadow", "show", "fridge"])
    assert "both say the same of 99.31%" in shown.output
    said = json.loads(CliRunner().invoke(app, ["models", "shadow", "show", "fridge", "--json"]).output)
    assert said["schema"] == "kilowatch.shadow"
    assert (said["evidence"]["live_spans"], said["evidence"]["shadow_spans"]) == (1, 0)
    assert said["disagreements"][0]["live_peak"] == 2.5
    promoted = CliRunner().invoke(app, ["models", "shadow", "promote", "fridge"])
    assert f"--live {LIVE[:12]}" in promoted.output
    with database.read() as books:
        choice = books.models.all()[0]
    assert (choice.live, choice.shadow, choice.version) == (CANDIDATE, None, 2)


def test_where_nothing_is_in_shadow_it_says_how(database: Database) -> None:
    assert "none in shadow" in CliRunner().invoke(app, ["models", "shadow", "list"]).output
    failed = CliRunner().invoke(app, ["models", "shadow", "promote", "tv"])
    assert isinstance(failed.exception, ConfigError)
