"""What the buttons of a device do, and when they make up their mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.web.access import Role, Visitor
from kilowatch.web.house import House
from kilowatch.web.page.controls import muting
from kilowatch.web.page.frame import Desk
from kilowatch.web.page.wall import Wall
from web.rooms import HOUR_MS, NOW_MS, rooms_in

if TYPE_CHECKING:
    from pathlib import Path


def test_a_mute_begins_at_the_click_and_not_when_its_button_was_drawn(tmp_path: Path) -> None:
    rooms, now_ms = rooms_in(tmp_path), NOW_MS
    house = House(rooms.live, rooms.database, rooms.history, rooms.words, lambda: now_ms)
    desk = Desk(house, rooms.words, Wall(house), Visitor("anna", Role.OPERATOR))
    clicked = muting(desk, "home", "heater", 1)
    now_ms += 2 * HOUR_MS
    clicked()
    assert rooms.house.device("home", "heater").record.muted_until == NOW_MS + 3 * HOUR_MS
    rooms.close()
