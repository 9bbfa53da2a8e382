"""The models page: which networks judge which kinds, a candidate in shadow, and the way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from kilowatch.core import explain
from kilowatch.web.access import Deed
from kilowatch.web.page.frame import Act, framed
from kilowatch.web.page.markup import button, table, tag
from kilowatch.web.page.phrases import kind_words

if TYPE_CHECKING:
    from kilowatch.core.records import ModelChoice
    from kilowatch.web.page.frame import Desk
    from kilowatch.web.page.wall import Picture
    from kilowatch.web.views import ModelsPage


async def models_page(desk: Desk) -> None:
    """Draw the page."""
    picture = await desk.ask(desk.wall.look)
    with framed(desk, picture, "Models", "/models") as frame:
        tag("h1", "Models")
        tag("p", _MEANING, "lead")
        choices = Choices(desk)
        choices.take(await desk.ask(desk.house.models))

        async def move(_: Picture) -> None:
            choices.take(await desk.ask(desk.house.models))

    frame.every(move)


_MEANING = (
    "Most devices are judged by statistics of their own past. A kind of device can also be judged by a network that "
    "was trained for it. A candidate runs in its shadow first: it judges the same readings, and nothing follows."
)


class Choices:
    """A line for each kind that a network judges."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: Any = None
        with tag("div", "", "column-wide"):
            self._box = tag("section", "", "card", aria_label="Networks by kind of device")
            self._at_hand = tag("section", "", "card", aria_label="Networks at hand")

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
