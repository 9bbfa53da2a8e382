"""What a person may do with a device: arm, disarm, protect, mute, on and off; grave words are asked for twice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nicegui import ui

from kilowatch.core import explain
from kilowatch.web.access import Deed
from kilowatch.web.page.frame import Act
from kilowatch.web.page.markup import button, mark, tag
from kilowatch.web.page.phrases import SAFETY_WORDS, day_words, safety_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kilowatch.web.page.frame import Desk
    from kilowatch.web.page.markup import Tag
    from kilowatch.web.views import DeviceCard, DevicePage

_HOUR_MS = 3_600_000
_MUTES = (("1 hour", 1), ("8 hours", 8), ("1 day", 24), ("1 week", 168))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something grave is done, and the word for yes."""

    title: str
    text: str
    yes: str


class Controls:
    """The buttons of one device; drawn anew where what may be done has changed."""

    def __init__(self, desk: Desk, page: DevicePage, changed: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._changed = desk, changed
        self._name = page.card.site, page.card.device
        self._label = explain.label(page.card.device)
        self._shown: Any = None
        self._box = tag("section", "", "card controls", aria_label="What you can do")
        self.take(page)

    def take(self, page: DevicePage) -> None:
        """Draw it anew where it has changed."""
        card = page.card
        # Drawing anew takes the focus from a button that somebody is about to press.
        found = card.is_armed, card.is_protected, card.muted_until_ms, card.plug, page.why_not_armed, card.stage
        if found == self._shown:
            return
        self._shown = found
        self._box.clear()
        with self._box:
            self._safety(page)
            self._mute(card)
            if card.plug is not None:
                self._switch(card)

    def _safety(self, page: DevicePage) -> None:
        card, words = page.card, self._desk.words
        safety = safety_of(card)
        with tag("div", "", "control"):
            with tag("p", "", f"control-state may-{safety}"):
                mark(safety)
                tag("b", SAFETY_WORDS[safety].capitalize())
            tag("p", _what_it_means(page), "quiet")
            with tag("div", "", "buttons"):
                if card.is_armed:
                    self._offer("Disarm", Act(Deed.DISARM, "It is only watched now.", self._of(words.disarm)))
                elif not card.is_protected:
                    self._arm(page)
                if card.is_protected:
                    self._unprotect()
                else:
                    protect = self._of(words.protect, protected=True)
                    self._offer("Protect", Act(Deed.PROTECT, "It is never switched now.", protect))

    def _arm(self, page: DevicePage) -> None:
        text = f"kilowatch may then cut the power of {self._label} by itself when it is far from usual, and tells you."
        asked = Question(f"Arm {self._label}?", text, "Arm it")
        act = Act(Deed.ARM, "It may be switched off now.", self._of(self._desk.words.arm))
        offered = self._offer("Arm", act, asked, "button strong")
        if page.why_not_armed is not None:
            offered.attribute("disabled", value=True)

    def _unprotect(self) -> None:
        text = f"Only if {self._label} may lose its power at any moment without harm. It is not armed by that."
        asked = Question(f"Stop protecting {self._label}?", text, "Stop protecting")
        word = self._of(self._desk.words.protect, protected=False)
        self._offer("Stop protecting", Act(Deed.UNPROTECT, "It is only watched now.", word), asked)

    def _mute(self, card: DeviceCard) -> None:
        with tag("div", "", "control"):
            if card.muted_until_ms is not None:
                until = day_words(card.muted_until_ms, self._desk.house.settings.time_zone)
                tag("p", f"Muted until {until}: nobody is told, and nothing is switched.")
                with tag("div", "", "buttons"):
                    self._offer("Unmute", Act(Deed.MUTE, "You are told again.", muting(self._desk, *self._name, 0)))
                return
            tag("p", "Mute for", "control-state")
            with tag("div", "", "buttons"):
                for name, hours in _MUTES:
                    act = Act(Deed.MUTE, f"Muted for {name}.", muting(self._desk, *self._name, hours))
                    self._offer(name, act, classes="button small")

    def _switch(self, card: DeviceCard) -> None:
        switch, done = self._desk.words.switch, "Asked. The plug is told in a moment."
        with tag("div", "", "control"):
            tag("p", "Its plug", "control-state")
            with tag("div", "", "buttons"):
                self._offer("Switch on", Act(Deed.SWITCH, done, self._of(switch, on=True)))
                asked = Question(f"Switch {self._label} off?", f"The power of {self._label} is cut now.", "Switch off")
                off = self._offer("Switch off", Act(Deed.SWITCH, done, self._of(switch, on=False)), asked)
                if card.is_protected:
                    off.attribute("disabled", value=True)

    def _of(self, word: Callable[..., object], **named: Any) -> Callable[[], object]:
        return partial(word, *self._name, who=self._desk.visitor.name, **named)

    def _offer(self, text: str, act: Act, asked: Question | None = None, classes: str = "button") -> Tag:
        async def click() -> None:
            if asked is None or await _is_sure(asked):
                await self._desk.do(act)
                await self._changed()

        return self._desk.guarded(button(text, click, classes), act.deed)


def muting(desk: Desk, site: str, device: str, hours: int) -> Callable[[], object]:
    """Return a word that mutes a device for so many hours; 0 ends its silence."""

    def word() -> object:
        # Asked only now, at the click: the page may have been open for hours.
        until_ms = desk.house.now_ms + hours * _HOUR_MS if hours else 0
        return desk.words.mute(site, device, until_ms, desk.visitor.name)

    return word


async def _is_sure(asked: Question) -> bool:
    with ui.dialog() as dialog, tag("div", "", "sheet"):
        tag("h2", asked.title)
        tag("p", asked.text)
        with tag("div", "", "buttons"):
            # The answer that does nothing has the focus: Enter alone must not cut a device's power.
            button("Cancel", lambda: dialog.submit(None)).attribute("autofocus", value=True)
            button(asked.yes, lambda: dialog.submit(asked.yes), "button strong")
    dialog.props["aria-label"] = asked.title
    answer = await dialog
    # A dialog that was answered would stay in the page, one for each question.
    dialog.delete()
    return answer is not None


def _what_it_means(page: DevicePage) -> str:
    card = page.card
    if card.is_armed:
        return "When it is far from usual kilowatch switches it off by itself, once, and tells you."
    if card.is_protected:
        return f"It is protected, as every {card.kind.replace('_', ' ')} is from the start, or because you said so."
    if page.why_not_armed is not None:
        return page.why_not_armed
    return "kilowatch tells you when it is odd, and leaves it on."
