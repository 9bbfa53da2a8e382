"""The models page: which networks judge which kinds, a candidate in shadow, and the way back."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from kilowatch.core import explain
from kilowatch.core.device import Kind
from kilowatch.core.shadow import evidence_words
from kilowatch.web.access import Deed
from kilowatch.web.page.frame import Act, framed
from kilowatch.web.page.markup import button, link, table, tag
from kilowatch.web.page.phrases import kind_words
from kilowatch.web.page.wall import device_href

if TYPE_CHECKING:
    from kilowatch.core.records import ModelChoice
    from kilowatch.core.shadow import ShadowOutput
    from kilowatch.web.page.frame import Desk
    from kilowatch.web.page.markup import Tag
    from kilowatch.web.page.wall import Picture
    from kilowatch.web.views import ModelsPage


async def models_page(desk: Desk) -> None:
    """Draw the page."""
    picture = await desk.ask(desk.wall.look)
    with framed(desk, picture, "Models", "/models") as frame:
        tag("h1", "Models")
        tag("p", _MEANING, "lead")
        choices = Choices(desk)
        shadows = Shadows(desk, choices.between)
        choices.take(await desk.ask(desk.house.models))
        await shadows.take(choices.in_shadow)

        async def move(_: Picture) -> None:
            choices.take(await desk.ask(desk.house.models))
            await shadows.take(choices.in_shadow)

    frame.every(move)


# Comparing reads every disagreement of weeks from the database.
_AGAIN_S = 20.0
_MOST_SPANS = 20
_MEANING = (
    "Most devices are judged by statistics of their own past. A kind of device can also be judged by a network that "
    "was trained for it. A candidate runs in its shadow first: it judges the same readings, and nothing follows."
)


class Choices:
    """A line for each kind that a network judges; between: room between it and the networks at hand."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: ModelsPage | None = None
        with tag("div", "", "column-wide"):
            self._box = tag("section", "", "card", aria_label="Networks by kind of device")
            self.between = tag("div", "", "column-wide")
            self._at_hand = tag("section", "", "card", aria_label="Networks at hand")

    @property
    def in_shadow(self) -> list[ModelChoice]:
        """The kinds for which a candidate scores."""
        return [] if self._shown is None else [one for one in self._shown.choices if one.shadow is not None]

    def take(self, models: ModelsPage) -> None:
        """Draw it anew where it has changed."""
        if models == self._shown:
            return
        self._shown = models
        self._box.clear()
        self._at_hand.clear()
        with self._box:
            self._chosen(models)
        with self._at_hand:
            _at_hand(models)

    def _chosen(self, models: ModelsPage) -> None:
        tag("h2", "Who judges")
        if not models.choices:
            tag("p", "No kind is judged by a network yet. Train one and let it judge:", "empty")
            tag("pre", "kilowatch train --help\nkilowatch models --help", "command")
            return
        with table(("kind", "live", "in shadow", ""), "Networks by kind of device"):
            for choice in models.choices:
                self._line(choice)

    def _line(self, choice: ModelChoice) -> None:
        with tag("tr"):
            tag("th", kind_words(choice.kind), scope="row")
            tag("td", _short(choice.live), "hash", title=choice.live)
            tag("td", _short(choice.shadow), "hash", title=choice.shadow)
            with tag("td"), tag("div", "", "buttons"):
                if choice.shadow is not None:
                    self._desk.guarded(button("Promote", self._promoting(choice), "button strong small"), Deed.MODELS)
                if choice.live is not None:
                    self._desk.guarded(button("Roll back", self._rolling_back(choice), "button small"), Deed.MODELS)

    def _promoting(self, choice: ModelChoice) -> Any:
        async def promote() -> None:
            done = f"{kind_words(choice.kind)}: the candidate judges from now on."
            choose = self._desk.words.choose_model
            word = partial(choose, choice.kind, choice.shadow, None, self._desk.visitor.name)
            await self._desk.do(Act(Deed.MODELS, done, word))

        return promote

    def _rolling_back(self, choice: ModelChoice) -> Any:
        async def roll_back() -> None:
            done = f"{kind_words(choice.kind)}: the model before judges again."
            word = partial(self._desk.words.roll_back_model, choice.kind, self._desk.visitor.name)
            await self._desk.do(Act(Deed.MODELS, done, word))

        return roll_back


class Shadows:
    """What candidates made of the same readings, looked at anew now and then: it is much to add up."""

    def __init__(self, desk: Desk, box: Tag) -> None:
        self._desk, self._box = desk, box
        self._shown: list[ShadowOutput] = []
        self._asked: tuple[float, list[ModelChoice]] = 0.0, []

    async def take(self, choices: list[ModelChoice]) -> None:
        """Draw it anew where it has changed."""
        now_s = time.monotonic()
        if choices == self._asked[1] and now_s - self._asked[0] < _AGAIN_S:
            return
        self._asked = now_s, choices
        asked = [await self._desk.ask(self._desk.house.shadow, one.kind) for one in choices]
        found = [one for one in asked if one is not None]
        if found == self._shown:
            return
        self._shown = found
        self._box.clear()
        with self._box:
            for output in found:
                self._draw(output)

    def _draw(self, output: ShadowOutput) -> None:
        called = kind_words(Kind(output.kind))
        with tag("section", "", "card", aria_label=f"{called}: live model and candidate"):
            tag("h2", f"{called}: where live model and candidate disagree")
            if not output.evidence.samples:
                tag("p", "The candidate has not judged anything yet: it learns each device first.", "empty")
                return
            for line in evidence_words(output.evidence):
                tag("p", f"{line[0].upper()}{line[1:]}.")
            self._differences(output)

    def _differences(self, output: ShadowOutput) -> None:
        if not output.disagreements:
            tag("p", "At no time did one of them see something odd where the other saw nothing.", "empty")
            return
        zone = self._desk.house.settings.time_zone
        with table(("device", "when", "odd to", "live score", "candidate's score"), "Where one of them saw nothing"):
            for span in output.disagreements[:_MOST_SPANS]:
                with tag("tr"):
                    with tag("th", "", scope="row"):
                        link(span.device, device_href(span.site, span.device))
                    tag("td", explain.clock(span.from_ms, zone, self._desk.house.now_ms))
                    tag("td", "the live model" if span.live_peak >= 1.0 else "the candidate")
                    tag("td", f"{span.live_peak:.2f}")
                    tag("td", f"{span.shadow_peak:.2f}")
        left = len(output.disagreements) - _MOST_SPANS
        if left > 0:
            tag("p", f"And {left} more.", "quiet")


def _at_hand(models: ModelsPage) -> None:
    tag("h2", "At hand")
    if not models.models:
        tag("p", "The folder of models is empty.", "empty")
        return
    with table(("model", "network", "looks at", "trained on"), "Networks in the folder of models"):
        for model in models.models:
            span = explain.duration(model.window * model.interval_s * 1000)
            with tag("tr"):
                tag("td", _short(model.sha256), "hash", title=model.sha256)
                tag("td", f"{model.network.replace('_', ' ')}, {model.precision}")
                tag("td", f"{span} at a time")
                tag("td", ", ".join(model.devices) or "–")


def _short(sha256: str | None) -> str:
    return "–" if sha256 is None else sha256[:12]
