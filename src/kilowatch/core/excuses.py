"""What a person has said of incidents, and what follows for the odd samples that come after.

`wrong`: its pattern is ordinary; the same again opens nothing. `harmless`: the same again opens an incident that
is shown and not notified. `real`: its time is kept out of learning for good, and no excuse may hide the same again.
A pattern is the rules that led, the watts that were drawn, how long it lasted, and for harmless the hours of the day.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import msgspec

from kilowatch.core.events import LabelWord

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR_MS = 3_600_000
_HOURS = 24
_WIDER = 0.15
"""The same kettle draws a tenth more or less from day to day."""
_LEAST_W = 5.0
_LONGER = 1.25
"""What lasts a quarter longer than what was excused is news."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What a label is about: the rules that led in an incident, times in ms UTC and watts.

    local_ms: first_ms on the device's wall clock.
    """

    incident: str
    rules: tuple[str, ...]
    first_ms: int
    last_ms: int
    local_ms: int
    low_w: float
    high_w: float


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """One label that stands: what it is about, the word, and its version."""

    about: Happening
    word: LabelWord
    version: int


class Verdict(StrEnum):
    """What becomes of an odd sample."""

    TELL = "tell"
    QUIET = "quiet"
    DROP = "drop"


class Oddity(msgspec.Struct, frozen=True, kw_only=True):
    """An odd sample as excuses look at it: how long the burst has lasted, ms, and the local time, ms."""

    rule: str
    observed_w: float
    lasted_ms: int
    local_ms: int


class Excuses:
    """The labels of every device, by slot and incident."""

    frozen_types: ClassVar[tuple[type, ...]] = (Ruling, Happening, LabelWord)

    def __init__(self) -> None:
        self._rulings: dict[int, dict[str, Ruling]] = {}
        self._versions: dict[str, int] = {}

    def rule(self, slot: int, about: Happening, word: LabelWord, version: int) -> bool:
        """Take a person's word on an incident; False where a newer one is known."""
        if not self._is_newer(about.incident, version):
            return False
        self._rulings.setdefault(slot, {})[about.incident] = Ruling(about=about, word=word, version=version)
        return True

    def undo(self, slot: int, incident: str, version: int) -> Ruling | None:
        """Take a label back, and return what stood; None where nothing did or a newer word is known."""
        if not self._is_newer(incident, version):
            return None
        return self._rulings.get(slot, {}).pop(incident, None)

    def of(self, slot: int) -> list[Ruling]:
        """Return a device's labels that stand, oldest incident first."""
        return sorted(self._rulings.get(slot, {}).values(), key=lambda ruling: ruling.about.first_ms)

    def has_any(self, slot: int) -> bool:
        """Return whether anybody has said anything of a device's incidents."""
        return bool(self._rulings.get(slot))

    def judge(self, slot: int, odd: Oddity) -> Verdict:
        """Return what becomes of an odd sample of a device; what is like a real one is always told."""
        rulings = self.of(slot)
        if any(ruling.word is LabelWord.REAL and _is_like(ruling.about, odd) for ruling in rulings):
            return Verdict.TELL
        if any(ruling.word is LabelWord.WRONG and _is_like(ruling.about, odd) for ruling in rulings):
            return Verdict.DROP
        harmless = (ruling.about for ruling in rulings if ruling.word is LabelWord.HARMLESS)
        return Verdict.QUIET if any(_is_like(it, odd) and _at_that_hour(it, odd) for it in harmless) else Verdict.TELL

    def spans(self, slot: int, told: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return which of the times of a device's incidents, ms, stay out of its learning: wrong ones come back in."""
        wrong = [ruling.about for ruling in self.of(slot) if ruling.word is LabelWord.WRONG]
        ordinary = {about.first_ms for about in wrong}
        return [span for span in told if span[0] not in ordinary]

    def real_spans(self, slot: int) -> list[tuple[int, int]]:
        """Return the times of a device's real incidents, ms: kept out of learning however long they lasted."""
        return [
            (ruling.about.first_ms, ruling.about.last_ms) for ruling in self.of(slot) if ruling.word is LabelWord.REAL
        ]

    def _is_newer(self, incident: str, version: int) -> bool:
        if version <= self._versions.get(incident, 0):
            return False
        # Kept after an undo as well: an older word that comes late must not bring the label back.
        self._versions[incident] = version
        return True


def _is_like(about: Happening, odd: Oddity) -> bool:
    slack_w = max(_LEAST_W, _WIDER * max(abs(about.low_w), abs(about.high_w)))
    same_power = about.low_w - slack_w <= odd.observed_w <= about.high_w + slack_w
    return odd.rule in about.rules and same_power and odd.lasted_ms <= _LONGER * (about.last_ms - about.first_ms)


def _at_that_hour(about: Happening, odd: Oddity) -> bool:
    """Within an hour either side of the hours in which the harmless one was seen."""
    lasted_hours = (about.last_ms - about.first_ms) // HOUR_MS
    # Counted from the hour before it, so that neither that hour nor midnight is a case of its own.
    since = (odd.local_ms // HOUR_MS - about.local_ms // HOUR_MS + 1) % _HOURS
    return since <= lasted_hours + 2
