"""An incident's page: the sentence, what was expected, the window, what was done and why, and your word on it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from kilowatch.core import explain
from kilowatch.web.access import Deed
from kilowatch.web.page.chart import Chart, past_of, trimmed
from kilowatch.web.page.frame import Act, framed
from kilowatch.web.page.labels import label_buttons
from kilowatch.web.page.markup import button, fact, link, mark, table, tag
from kilowatch.web.page.phrases import over_words, severity_shape, severity_words
from kilowatch.web.page.wall import device_href

if TYPE_CHECKING:
    from kilowatch.web.page.frame import Desk
    from kilowatch.web.page.wall import Picture
    from kilowatch.web.views import IncidentPage


async def incident_page(desk: Desk, incident: str) -> None:
    """Draw an incident's page; `ConfigError` where it is not known."""
    page, picture = await desk.ask(desk.house.incident, incident), await desk.ask(desk.wall.look)
    event = page.incident.event
    with framed(desk, picture, explain.label(event.device)) as frame:
        parts = Parts(desk, page)

        async def move(_: Picture) -> None:
            parts.take(await desk.ask(desk.house.incident, incident))

    frame.every(move)


class Parts:
    """All that the page shows; each part is drawn anew where it has changed."""

    def __init__(self, desk: Desk, page: IncidentPage) -> None:
        self._desk = desk
        self._zone = desk.house.settings.time_zone
        self._shown: Any = None
        self._window: Any = None
        self._head = tag("div", "", "incident-head")
        with tag("div", "", "columns by-rank"):
            with tag("div", "", "column-wide"):
                with tag("section", "", "card past", aria_labelledby="window-title"):
                    tag("h2", "The window around it", id="window-title")
                    past = self._past(page)
                    label = f"Power around the incident: {page.incident.event.sentence}"
                    self._chart = Chart(label, past)
                with tag("section", "", "card", aria_labelledby="done-title"):
                    tag("h2", "What was done, and why", id="done-title")
                    self._done = tag("div")
            with tag("div", "", "column-narrow"):
                self._words = tag("section", "", "card your-word", aria_label="Your word")
                self._facts = tag("section", "", "card", aria_label="The evidence")
        self.take(page)

    def take(self, page: IncidentPage) -> None:
        """Show the newest."""
        found = page.incident, page.audit, page.actions
        if found != self._shown:
            self._shown = found
            self._redraw(page)
        # Only the newest end of the window moves.
        window = page.window.start_ms[-1:], page.window.mean_w[-1:]
        if window != self._window and page.incident.cleared_ms is None:
            self._chart.take(self._past(page))
        self._window = window

    def _past(self, page: IncidentPage) -> dict[str, Any]:
        now_ms = self._desk.house.now_ms
        return trimmed(past_of(page.window, self._zone, [page.incident], now_ms), now_ms)

    def _redraw(self, page: IncidentPage) -> None:
        for box, draw in (
            (self._head, self._draw_head),
            (self._words, self._draw_words),
            (self._facts, self._draw_facts),
            (self._done, self._draw_done),
        ):
            box.clear()
            with box:
                draw(page)

    def _draw_head(self, page: IncidentPage) -> None:
        incident = page.incident
        event = incident.event
        is_open = incident.cleared_ms is None
        with tag("p", "", "odd-head"):
            mark(severity_shape(event.severity) if is_open else "over")
            state = severity_words(event.severity) if is_open else "over"
            tag("span", f"{state}, {over_words(incident, self._zone, self._desk.house.now_ms)}", "odd-word")
        tag("h1", event.sentence, "sentence")
        link(f"All about {explain.label(event.device)}", device_href(event.site, event.device))

    def _draw_words(self, page: IncidentPage) -> None:
        tag("h2", "What was it?")
        tag("p", "Your word makes the next judgement better.", "quiet")
        label_buttons(self._desk, page.incident, explained=True)
        if page.incident.cleared_ms is None and not page.incident.event.evidence.acknowledged:
            with tag("div", "", "control"):
                tag("p", "Seen it? Then you are not told again, and nothing is switched for it.", "quiet")
                self._desk.guarded(button("I have seen it", self._seen(page)), Deed.LABEL)

    def _seen(self, page: IncidentPage) -> Any:
        async def acknowledge() -> None:
            word = partial(self._desk.words.acknowledge, page.incident.event.id, self._desk.visitor.name)
            await self._desk.do(Act(Deed.LABEL, "Noted.", word))

        return acknowledge

    def _draw_facts(self, page: IncidentPage) -> None:
        event = page.incident.event
        tag("h2", "The evidence")
        told = explain.clock(event.ts_ms, self._zone, self._desk.house.now_ms)
        tag("p", f"As of {told}, when the sentence above was told.", "quiet")
        low_w = float("-inf") if event.expected_low_w is None else event.expected_low_w
        high_w = float("inf") if event.expected_high_w is None else event.expected_high_w
        with tag("dl", "", "facts"):
            fact("drew, when last odd", "–" if event.observed_w is None else explain.watts(event.observed_w))
            fact("expected", explain.band(low_w, high_w) or "no band: what counted was the shape")
            fact("highest score", f"{event.score:.2f}; 1 is the edge of expected")
            fact("odd windows", str(event.evidence.windows))
            fact("found by", event.evidence.rule.replace("_", " "))
            fact("model", event.model[:12] or "no network: statistics of its past")
            fact("first odd", explain.clock(event.first_ms, self._zone, self._desk.house.now_ms))
            if event.historical:
                fact("readings", "came late: nothing is switched for them")

    def _draw_done(self, page: IncidentPage) -> None:
        lines = [(entry.ts_ms, entry.who, entry.why) for entry in page.audit]
        if not lines:
            tag("p", "Nothing was done.", "empty")
            return
        with table(("when", "who", "what and why"), "What was done about it, oldest first"):
            for ts_ms, who, why in lines:
                with tag("tr"):
                    tag("td", explain.clock(ts_ms, self._zone, self._desk.house.now_ms))
                    tag("td", who)
                    tag("td", why)
