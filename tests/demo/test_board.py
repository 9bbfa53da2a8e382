"""What the audience is told: what decides comes first, once, and a device that may still be switched is not "left"."""

from __future__ import annotations

import msgspec
import pytest

from app.actor.stage import HEATER, NOW_MS
from kilowatch.core.device import DeviceRecord, Stage
from kilowatch.core.events import EventKind, Want
from kilowatch.core.records import AuditEntry
from kilowatch.demo.board import Board, LineKind
from links.incidents import OPENED

PROTECTED = msgspec.structs.replace(HEATER, protected=True)
UNARMED = msgspec.structs.replace(HEATER, stage=Stage.WATCHING)


def entry(reasons: str, incident: str = "odd-1") -> AuditEntry:
    return AuditEntry(
        ts_ms=NOW_MS,
        what=Want.NOTIFY,
        who="kilowatch",
        why=f"Would switch heater off, but {reasons}.",
        site="home",
        device="heater",
        incident=incident,
    )


class Hall:
    """A board, and the seconds that pass before it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.board = Board(lambda: NOW_MS, lambda: self.now_s)

    def told(self, reasons: str, record: DeviceRecord, after_s: float = 2.0) -> list[tuple[LineKind, str]]:
        self.board.decided(entry(reasons), record)
        self.now_s += after_s
        return [(line.kind, line.words) for line in self.board.fresh()]


@pytest.mark.parametrize(
    ("record", "reasons", "kind", "words"),
    [
        (PROTECTED, "one window alone is odd so far; it is protected; nobody armed it", LineKind.LEFT_ON, "protected"),
        (UNARMED, "it is not critical; nobody armed it", LineKind.LEFT_ON, "nobody has armed it"),
        (HEATER, "it is not critical", LineKind.NOT_YET, "so far it is not critical"),
        (HEATER, "this is a dry run", LineKind.LEFT_ON, "would be switched off now, but this is a dry run"),
    ],
)
def test_what_decides_is_said_first(record: DeviceRecord, reasons: str, kind: LineKind, words: str) -> None:
    ((told, said),) = Hall().told(reasons, record)
    assert told is kind
    assert words in said
    assert "one window" not in said


def test_the_same_reason_is_not_said_again_and_one_that_passes_is_not_said_at_all() -> None:
    hall = Hall()
    assert hall.told("one window alone is odd so far; it is protected", PROTECTED)
    assert hall.told("it is protected", PROTECTED) == []
    hall = Hall()
    assert hall.told("one window alone is odd so far", HEATER, after_s=0.5) == []
    ((_, said),) = hall.told("it is not critical", HEATER)
    assert "one window" not in said


def test_a_device_is_odd_until_the_last_of_its_incidents_is_over() -> None:
    board = Hall().board
    another = msgspec.structs.replace(OPENED, id="another")
    board.happened([OPENED, another])
    board.happened([msgspec.structs.replace(another, kind=EventKind.CLEARED)])
    assert OPENED.device in board.open
    board.happened([msgspec.structs.replace(OPENED, kind=EventKind.CLEARED)])
    assert not board.open
