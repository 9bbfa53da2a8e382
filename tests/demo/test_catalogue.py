"""What can go wrong is named, fits the device, and is wished for from another terminal."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from kilowatch.core.device import Kind
from kilowatch.demo import stage
from kilowatch.demo.catalogue import QUICK, faults_of, named
from kilowatch.demo.mailbox import Mailbox, Wish
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.sim.faults import FAULTS_BY_KIND

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {player.name: player.kind for player in stage.PLAYERS}


def test_everything_promised_can_happen_to_somebody_on_the_stage() -> None:
    assert len(QUICK) >= 8
    for device, fault in QUICK:
        assert fault in FAULTS_BY_KIND[KINDS[device]]


def test_names_are_typed_with_dashes_or_not() -> None:
    assert named(KINDS, "fridge", "door-open") == named(KINDS, "fridge", "door_open")
    assert named(KINDS, "kettle", "plug-stuck").plug is not None


@pytest.mark.parametrize(
    ("device", "fault", "hint"), [("toaster", "left-on", "kettle"), ("fridge", "dor-open", "door-open")]
)
def test_what_cannot_happen_is_refused_with_the_nearest_name(device: str, fault: str, hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        named(KINDS, device, fault)
    assert hint in error.value.hint


def test_what_is_found_soonest_is_listed_first() -> None:
    soon = [one.within_min for one in faults_of({"router": Kind.ROUTER, "kettle": Kind.KETTLE})]
    promised = [minutes for minutes in soon if minutes is not None]
    assert promised == sorted(promised)
    assert soon[: len(promised)] == promised


def test_a_wish_is_granted_by_the_demo_that_runs(tmp_path: Path) -> None:
    assert Mailbox(tmp_path).open()
    demo, over, seen = Mailbox(tmp_path), threading.Event(), []

    def serve() -> None:
        while not over.wait(0.01):
            demo.answer(lambda wish: seen.append(wish) or named(KINDS, wish.device, wish.fault).meaning)  # type: ignore[func-returns-value]

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert "door" in Mailbox(tmp_path).ask(Wish(device="fridge", fault="door-open"))
        with pytest.raises(ConfigError, match="no device"):
            Mailbox(tmp_path).ask(Wish(device="toaster", fault="door-open"))
    finally:
        over.set()
        thread.join()
    assert [wish.device for wish in seen] == ["fridge", "toaster"]


def test_a_second_demo_leaves_the_wishes_to_the_first_and_nobody_asks_in_vain(tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="No demo is running"):
        Mailbox(tmp_path).ask(Wish(device="fridge", fault="door-open"))
    first = Mailbox(tmp_path)
    assert first.open()
    assert (tmp_path / "demo" / "live" / "pid").read_text() == str(os.getpid())
    assert not Mailbox(tmp_path).open()
    first.close()
    assert Mailbox(tmp_path).open()
