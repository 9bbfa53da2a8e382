"""A service that starts while its database comes back waits for it, and not for ever."""

from __future__ import annotations

import threading

import pytest

from kilowatch.app.begin_anew import patiently
from kilowatch.errors import ComponentError, StateError


class Recovering:
    """Refuses so many times, then answers."""

    def __init__(self, refusals: int) -> None:
        self.left = refusals
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.left:
            raise ComponentError("The database is starting up.")
        return "ready"


class Unhurried(threading.Event):
    """Waits in no time, and remembers how long it should have."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_s += timeout or 0.0
        return self.is_set()


def test_it_waits_until_the_component_answers() -> None:
    component, stop = Recovering(3), Unhurried()
    assert patiently("registry", component, stop) == "ready"
    assert component.asked == 4
    assert stop.waited_s == 8.0


def test_what_never_comes_is_told_in_the_end() -> None:
    with pytest.raises(ComponentError, match="starting up"):
        patiently("registry", Recovering(100), Unhurried(), most_s=0.5)


def test_who_is_told_to_stop_does_not_wait_and_has_nothing_to_complain_of() -> None:
    stop = Unhurried()
    stop.set()
    with pytest.raises(SystemExit) as end:
        patiently("registry", Recovering(1), stop)
    assert end.value.code == 0
    assert stop.waited_s == 0.0


def test_another_error_is_raised_at_once() -> None:
    def newer() -> None:
        raise StateError("The schema is newer.")

    with pytest.raises(StateError):
        patiently("registry", newer, Unhurried())
