"""A device's page: how it stands, its past to zoom into, what was odd, what it used, and what you can do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kilowatch.core import explain
from kilowatch.web.page.chart import Chart, past_of
from kilowatch.web.page.controls import Controls
from kilowatch.web.page.frame import framed
from kilowatch.web.page.labels import said_words
from kilowatch.web.page.markup import button, fact, link, mark, table, tag
from kilowatch.web.page.phrases import (
    expected_words,
    is_scored,
    look_of,
    look_words,
    money,
    named,
    over_words,
    power_words,
    rate_words,
    score_words,
    severity_shape,
    stage_words,
)

if TYPE_CHECKING:
    from kilowatch.web.page.frame import Desk
    from kilowatch.web.page.wall import Picture
    from kilowatch.web.views import DevicePage, HistoryView, Run

_HOUR_MS = 3_600_000
_SPANS = (("1 hour", 1), ("6 hours", 6), ("1 day", 24), ("1 week", 168), ("4 weeks", 672))
_FIRST_SPAN_MS = 6 * _HOUR_MS
# A little more than a year, so that a day can be seen with the same one a year before.
_LEAST_SPAN_MS, _MOST_SPAN_MS = 5 * 60_000, 400 * 24 * _HOUR_MS
# Rarer than the tick: each drawing is a query of history, and samples come every 30 s or so.
_REDRAW_S = 2.0
_RUNS = 8


async def device_page(desk: Desk, site: str, device: str) -> None:
    """Draw a device's page; `ConfigError` where it is not known."""
    page, picture = await desk.ask(desk.house.device, site, device), await desk.ask(desk.wall.look)
    name = explain.label(device)
    with framed(desk, picture, name) as frame:
        _title(page)
        with tag("div", "", "columns by-rank"):
            with tag("div", "", "column-wide"):
                now, past = Now(page), Past(desk, page)
                odd, runs = Odd(desk, page), Runs(desk, page)
            with tag("div", "", "column-narrow"):
                controls = Controls(desk, page, lambda: move(picture))
                facts = Facts(desk, page)
        await past.show()
        runs.take(past.view)

        async def move(_: Picture) -> None:
            fresh = await desk.ask(desk.house.device, site, device)
            for part in (now, odd, facts, controls):
                part.take(fresh)
            past.page = fresh
            if await past.follow():
                runs.take(past.view)

    frame.every(move)


def _title(page: DevicePage) -> None:
    name, kind = named(page.card.device, page.card.kind)
    with tag("div", "", "title-row"):
        tag("h1", name)
        tag("span", " · ".join(word for word in (kind, page.card.site) if word), "quiet")


class Now:
    """What it draws at this moment, and what of that is odd."""

    def __init__(self, page: DevicePage) -> None:
        with tag("section", "", "card now", aria_label="Now"):
            self._power = tag("p", "", "total")
            self._expected = tag("p", "", "quiet")
            with tag("p", "", "verdict"):
                self._mark = mark("usual")
                self._state = tag("span")
            self._score = tag("p", "", "quiet")
        self.take(page)

    def take(self, page: DevicePage) -> None:
        """Show the newest."""
        live, look = page.card.live, look_of(page.card)
        self._power.say(power_words(live.power_w))
        unknown = "nothing expected yet" if is_scored(page.card) else ""
        self._expected.say(f"expected {expected_words(live)}" if expected_words(live) else unknown)
        self._mark.dress(f"mark mark-{look}")
        words = look_words(look, live.learning_share)
        self._state.say(page.card.incident.sentence if page.card.incident is not None else words.capitalize())
        self._score.say(f"score {score_words(live.score)}" if is_scored(page.card) else _SCORED_ELSEWHERE)


class Past:
    """The device's history with band, score and incidents; follows the present until somebody moves it."""

    def __init__(self, desk: Desk, page: DevicePage) -> None:
        self._desk, self.page = desk, page
        self._zone = page.record.time_zone
        self._span_ms, self._until_ms = _FIRST_SPAN_MS, 0
        self._drawn_s = 0.0
        self.view: HistoryView | None = None
        self._chart: Chart | None = None
        with tag("section", "", "card past", aria_labelledby="past-title"):
            with tag("div", "", "past-head"):
                tag("h2", "Power, what was expected, and the score", id="past-title")
                with tag("div", "", "filters", role="group", aria_label="How much of the past"):
                    self._spans = [(hours, self._offer(name, hours)) for name, hours in _SPANS]
            self._box = tag("div")
            tag("p", _HOW, "quiet legend")

    async def show(self) -> None:
        """Draw the span anew."""
        until_ms = self._until_ms or self._desk.house.now_ms
        self.view = await self._seen(until_ms)
        # Heard for less than an hour it would be a stroke at the edge of six.
        if self._chart is None and self.view.start_ms and self.view.start_ms[0] > until_ms - _HOUR_MS:
            self._span_ms = _HOUR_MS
            self.view = await self._seen(until_ms)
        past = past_of(self.view, self._zone, self.page.incidents, self._desk.house.now_ms)
        self._drawn_s = time.monotonic()
        for hours, offered in self._spans:
            is_it = not self._until_ms and hours * _HOUR_MS == self._span_ms
            offered.attribute("aria-pressed", "true" if is_it else "false")
        if self._chart is None:
            with self._box:
                self._chart = Chart(self._label(), past, self._moved)
        else:
            self._chart.take(past)

    async def _seen(self, until_ms: int) -> HistoryView:
        name = self.page.card.site, self.page.card.device
        return await self._desk.ask(self._desk.house.history, *name, until_ms - self._span_ms, until_ms)

    async def follow(self) -> bool:
        """Draw anew where the present has moved on, and return whether that was so."""
        if self._until_ms or time.monotonic() - self._drawn_s < _REDRAW_S:
            return False
        await self.show()
        return True

    def _offer(self, name: str, hours: int) -> Any:
        async def choose() -> None:
            self._span_ms, self._until_ms = hours * _HOUR_MS, 0
            await self.show()

        return button(name, choose, "chip")

    async def _moved(self, from_ms: int, to_ms: int) -> None:
        now_ms = self._desk.house.now_ms
        self._span_ms = min(max(to_ms - from_ms, _LEAST_SPAN_MS), _MOST_SPAN_MS)
        self._until_ms = 0 if to_ms >= now_ms else to_ms
        await self.show()

    def _label(self) -> str:
        return (
            f"Power of {explain.label(self.page.card.device)} over time with the expected band, and its score below. "
            "Arrow keys move, plus and minus zoom. The tables below say the same in words."
        )


_HOW = (
    "Line: power. Grey band: what was expected. Marked stretches: incidents. Bar: when it was on. Drag to move, Ctrl "
    "and wheel or two fingers to zoom; with the keyboard arrows, plus and minus. Where band and score are missing it "
    "was not judged yet, or only its power was kept."
)
_SCORED_ELSEWHERE = "no score here: it is judged elsewhere, or this page has only just begun"


class Odd:
    """The device's incidents."""

    def __init__(self, desk: Desk, page: DevicePage) -> None:
        self._desk = desk
        self._shown: Any = None
        with tag("section", "", "card", aria_labelledby="odd-title"):
            tag("h2", "What was odd", id="odd-title")
            self._box = tag("div")
        self.take(page)

    def take(self, page: DevicePage) -> None:
        """Draw it anew where it has changed."""
        if page.incidents == self._shown:
            return
        self._shown = page.incidents
        self._box.clear()
        with self._box:
            if not page.incidents:
                tag("p", "Nothing so far.", "empty")
            with tag("ol", "", "events"):
                for incident in page.incidents:
                    with tag("li", "", "event"), link("", f"/incident/{incident.event.id}", "event-link"):
                        with tag("span", "", "event-head"):
                            is_over = incident.cleared_ms is not None
                            mark("over" if is_over else severity_shape(incident.event.severity))
                            words = over_words(incident, page.record.time_zone, self._desk.house.now_ms)
                            tag("b", words)
                        tag("span", incident.event.evidence.phrase, "event-what")
                        said_words(incident)


class Runs:
    """When the device was on, in the stretch of time that is drawn."""

    def __init__(self, desk: Desk, page: DevicePage) -> None:
        self._desk, self._zone = desk, page.record.time_zone
        self._shown: Any = None
        with tag("section", "", "card", aria_labelledby="runs-title"):
            tag("h2", "When it was on", id="runs-title")
            self._box = tag("div")

    def take(self, view: HistoryView | None) -> None:
        """Draw it anew where it has changed."""
        runs = [] if view is None else view.runs[-_RUNS:][::-1]
        if runs == self._shown:
            return
        self._shown = runs
        self._box.clear()
        with self._box:
            if view is None or not runs:
                tag("p", "It was not on in the time that is drawn.", "empty")
                return
            with table(("from", "for", "used"), "When it was on, newest first"):
                for run in runs:
                    self._row(run, view)

    def _row(self, run: Run, view: HistoryView) -> None:
        began = explain.clock(run.from_ms, self._zone, self._desk.house.now_ms)
        lasted = explain.duration(run.to_ms - run.from_ms)
        # It may have begun before what is drawn, and nobody looked there.
        is_cut = run.from_ms <= view.from_ms + view.step_ms
        with tag("tr"):
            tag("td", f"before {began}" if is_cut else began)
            tag("td", f"more than {lasted}" if is_cut else lasted)
            tag("td", explain.energy(run.energy_wh))


class Facts:
    """What it used today, and what its judgement rests on."""

    def __init__(self, desk: Desk, page: DevicePage) -> None:
        self._currency = desk.house.settings.currency
        with tag("section", "", "card", aria_labelledby="today-title"):
            tag("h2", "Today", id="today-title")
            tag("p", "Counted while kilowatch was running.", "quiet")
            with tag("dl", "", "facts"):
                self._energy, self._cost = fact("energy", ""), fact("cost", "")
                self._on, self._peak = fact("on for", ""), fact("peak", "")
        with tag("section", "", "card", aria_labelledby="rests-title"):
            tag("h2", "What the judgement rests on", id="rests-title")
            with tag("dl", "", "facts"):
                self._stage = fact("stage", "")
                self._rate = fact("sensitivity", "")
                self._threshold = fact("threshold", "")
                self._model, self._plug = fact("model", ""), fact("plug", "")
        self.take(page)

    def take(self, page: DevicePage) -> None:
        """Show the newest."""
        today = page.card.today
        self._energy.say("not counted" if today is None else explain.energy(today.energy_wh))
        self._cost.say("–" if today is None else money(today.cost, self._currency))
        self._on.say("–" if today is None else explain.duration(today.on_s * 1000))
        self._peak.say(power_words(None if today is None else today.peak_w))
        self._stage.say(stage_words(page.card))
        self._rate.say(f"alarms at most {rate_words(page.record.alarms_per_week)}")
        self._threshold.say(page.threshold_words or "none yet")
        self._model.say("no network: statistics of its past" if page.model is None else page.model[:12])
        self._plug.say(page.record.plug or "none that can be switched")
