"""A broker's word on a notice: the one that comes too late is nobody's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest

from kilowatch.config.sources import MqttConfig
from kilowatch.errors import ComponentError
from kilowatch.links.notify import mqtt
from kilowatch.links.notify.mqtt import MqttNotices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kilowatch.core.notices import Notice
    from kilowatch.links.mqtt.client import Session

NOTICE = cast("Notice", {"a": "notice"})


class Numbering:
    """A session that gives each message the same number; answers: the words that come before `publish` returns."""

    def __init__(self, notices: MqttNotices, answers: list[str | None]) -> None:
        self._notices, self._answers = notices, answers

    def publish(self, *_: object) -> int:
        answer = self._answers.pop(0)
        if answer is not None:
            self._notices._broker_has(7, answer)
        return 7


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> Iterator[MqttNotices]:
    monkeypatch.setattr(mqtt, "TIMEOUT_S", 0.05)
    made = MqttNotices("home", MqttConfig(host="127.0.0.1", port=9), "home", "notices")
    session = made._session
    yield made
    session.stop()


def send(notices: MqttNotices, *answers: str | None) -> None:
    notices._session = cast("Session", Numbering(notices, list(answers)))
    # Over and over: the real session says at any moment that nobody answers.
    for _ in range(100):
        notices._broker_is(there=True, why="")
        if notices._problem is None:
            break
        time.sleep(0.01)
    notices.send(NOTICE)


def test_a_word_that_came_too_late_does_not_confirm_a_later_notice_of_its_number(notices: MqttNotices) -> None:
    with pytest.raises(ComponentError, match="did not say"):
        send(notices, None)
    notices._broker_has(7, "")
    with pytest.raises(ComponentError, match="did not say"):
        send(notices, None)


def test_a_word_that_comes_at_once_counts(notices: MqttNotices) -> None:
    send(notices, "")
    with pytest.raises(ComponentError, match="not authorized"):
        send(notices, "not authorized")


def test_words_that_nobody_waits_for_are_not_kept(notices: MqttNotices) -> None:
    for number in range(100):
        notices._broker_has(number, "")
    send(notices, "")
    assert notices._taken == {}
