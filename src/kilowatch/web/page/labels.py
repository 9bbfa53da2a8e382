"""A person's word on an incident: three buttons, what each of them means, and the way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kilowatch.core.events import LabelWord
from kilowatch.web.access import Deed
from kilowatch.web.page.frame import Act
from kilowatch.web.page.markup import button, mark, tag
from kilowatch.web.page.phrases import LABEL_MEANS, LABEL_WORDS

if TYPE_CHECKING:
    from kilowatch.core.records import KnownIncident
    from kilowatch.web.page.frame import Desk


def label_buttons(desk: Desk, incident: KnownIncident, *, explained: bool = False) -> None:
    """Draw the buttons, and the word that was said with its undo. explained: with what each word brings about."""
    said = incident.label
    with tag("div", "", "labels", role="group", aria_label="What was it?"):
        if not explained:
            tag("span", "What was it?", "quiet")
        for word in LabelWord:
            with tag("div", "", "label-choice"):
                _choice(desk, incident, word)
                if explained:
                    tag("p", LABEL_MEANS[word], "quiet")
        if said is not None:
            _undo(desk, incident)


def said_words(incident: KnownIncident) -> None:
    """Draw the word that a person said, where they said one."""
    if incident.label is not None:
        with tag("span", "", "said"):
            mark("said")
            tag("span", f"you said: {LABEL_WORDS[incident.label].lower()}")


def _choice(desk: Desk, incident: KnownIncident, word: LabelWord) -> None:
    async def say() -> None:
        done = f"{LABEL_WORDS[word]}: noted. {LABEL_MEANS[word]}"
        await desk.do(Act(Deed.LABEL, done, partial(desk.words.label, incident.event.id, word, desk.visitor.name)))

    made = button(LABEL_WORDS[word], say, shape=f"word-{word}")
    made.attribute("aria-pressed", "true" if incident.label is word else "false")
    made.attribute("title", LABEL_MEANS[word])
    desk.guarded(made, Deed.LABEL)


def _undo(desk: Desk, incident: KnownIncident) -> None:
    async def take_back() -> None:
        word = partial(desk.words.take_back, incident.event.id, desk.visitor.name)
        await desk.do(Act(Deed.LABEL, "Taken back: nothing is learnt from it.", word))

    desk.guarded(button("Undo", take_back), Deed.LABEL)
