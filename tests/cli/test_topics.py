"""`kilowatch topics` and `kilowatch rejected` against a real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from app.live import processing, reading, until
from app.logs import ListSource
from kilowatch.cli.main import app
from kilowatch.errors import ComponentError, ConfigError

if TYPE_CHECKING:
    from typer.testing import Result

    from kilowatch.links.kafka.settings import Access

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(kafka_topics: Access, monkeypatch: pytest.MonkeyPatch) -> Access:
    monkeypatch.setenv("KILOWATCH_KAFKA__BOOTSTRAP", kafka_topics.bootstrap)
    monkeypatch.setenv("KILOWATCH_KAFKA__PARTITIONS", "4")
    return kafka_topics


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def printed(*words: str) -> str:
    outcome = run(*words)
    assert outcome.exit_code == 0, outcome.exception
    return outcome.stdout


def test_topics_are_created_checked_and_never_changed(settings: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "All topics are there" in run("topics", "create").output
    checked = run("topics", "check")
    assert (checked.exit_code, checked.output) == (0, "All topics are as agreed.\n")
    assert msgspec.json.decode(printed("topics", "check", "--json"))["differences"] == []
    monkeypatch.setenv("KILOWATCH_KAFKA__PARTITIONS", "5")
    checked = run("topics", "check")
    assert checked.exit_code == 1
    assert "IoTState: partitions is 4, 5 was agreed." in checked.output
    said = run("topics", "check", "--json")
    assert said.exit_code == 1
    assert "IoTState: partitions is 4, 5 was agreed." in msgspec.json.decode(said.stdout)["differences"]
    refused = run("topics", "create").exception
    assert isinstance(refused, ComponentError)
    assert "fixed at creation" in refused.hint


def test_rejected_messages_are_listed_shown_and_sent_again(settings: Access) -> None:
    source = ListSource([b"on fire", reading(1).replace(b'"v":1', b'"v":2'), reading(2)], name="push")
    with processing(settings, source):
        until(lambda: len(source.acknowledged) == 3, "not acknowledged")
    listed = msgspec.json.decode(printed("rejected", "list", "--json"))
    assert listed["schema"] == "kilowatch.rejected"
    assert [one["reason"] for one in listed["messages"]] == ["not_json", "version"]
    (late,) = msgspec.json.decode(printed("rejected", "list", "--json", "--reason", "version"))["messages"]
    assert msgspec.json.decode(printed("rejected", "show", late["name"]))["v"] == 2
    assert msgspec.json.decode(printed("rejected", "show", late["name"], "--json"))["messages"] == [late]
    assert "on fire" in run("rejected", "list").output
    again = msgspec.json.decode(printed("rejected", "redrive", "--json"))
    assert (again["mended"], again["still_rejected"]) == (0, 2)
    assert "2 stay rejected" in run("rejected", "redrive").output


@pytest.mark.parametrize("name", ["seven", "0-999", "1-", "-1"])
def test_a_name_that_is_none_is_said(settings: Access, name: str) -> None:
    outcome = run("rejected", "show", "--", name)
    assert isinstance(outcome.exception, ConfigError)
    assert "rejected list" in outcome.exception.hint
