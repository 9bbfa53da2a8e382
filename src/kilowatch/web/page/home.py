"""The home page: what is drawn now, what is odd, what kilowatch did, every device, and what happened before."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from kilowatch.core import explain
from kilowatch.web.page.board import Board
from kilowatch.web.page.frame import framed
from kilowatch.web.page.labels import label_buttons, said_words
from kilowatch.web.page.markup import link, mark, tag
from kilowatch.web.page.mischief import Panel
from kilowatch.web.page.phrases import (
    Look,
    counted,
    day_words,
    money,
    over_words,
    severity_shape,
    severity_words,
)

if TYPE_CHECKING:
    from kilowatch.web.page.frame import Desk
    from kilowatch.web.page.wall import Picture, Told

# Where much goes odd at once, the list of all devices must stay within reach below.
_ODD_SHOWN = 6
_WORST_FIRST = (Look.VERY_ODD, Look.ODD, Look.SILENT)


async def home_page(desk: Desk) -> None:
    """Draw the home page."""
    picture = await desk.ask(desk.wall.look)
    with framed(desk, picture, "Home", "/") as frame:
        tag("h1", "Your home", "unseen")
        with tag("div", "", "columns"):
            with tag("div", "", "column-wide"):
                hero, odd = Hero(picture, desk.house.settings.time_zone), OddNow(desk, picture)
                board = Board(desk.wall, picture)
            with tag("aside", "", "column-narrow", aria_label="What happened"):
                if desk.mischief is not None:
                    Panel(desk, desk.mischief)
                timeline = Timeline(picture, desk.house.settings.time_zone)
    for part in (hero, odd, board, timeline):
        frame.every(part.take)


class Hero:
    """The whole home in one number and one sentence."""

    def __init__(self, picture: Picture, time_zone: str) -> None:
        self._zone = time_zone
        with tag("section", "", "hero", aria_label="The whole home"):
            with tag("div", "", "hero-now"):
                self._power = tag("p", "", "total", id="total")
                self._used = tag("p", "", "quiet")
            with tag("div", "", "hero-state"):
                with tag("p", "", "verdict", role="status", aria_live="polite"):
                    self._mark = mark("usual")
                    self._verdict = tag("span")
                self._at = tag("p", "", "quiet")
        self.take(picture)

    def take(self, picture: Picture) -> None:
        """Show the newest."""
        overview = picture.overview
        totals = overview.totals
        self._power.say(explain.watts(totals.power_w))
        self._used.say(_used(totals))
        looks = [Look(row.look) for row in picture.rows]
        self._verdict.say(verdict(looks))
        self._mark.dress(f"mark mark-{next((look for look in _WORST_FIRST if look in looks), Look.USUAL)}")
        parts = [counted(totals.devices, "device")]
        parts += [f"{totals.learning} still learning"] * bool(totals.learning)
        parts += [f"{counted(totals.open_incidents, 'incident')} open"] * bool(totals.open_incidents)
        self._at.say(f"{day_words(overview.now_ms, self._zone)} · {', '.join(parts)}")


class OddNow:
    """What is odd at this moment, with what kilowatch did about it, or would do, and why."""

    def __init__(self, desk: Desk, picture: Picture) -> None:
        self._desk = desk
        self._shown: Any = None
        self._box = tag("section", "", "odd-now", aria_label="What is odd now")
        self.take(picture)

    def take(self, picture: Picture) -> None:
        """Draw it anew where it has changed."""
        told = [one for one in picture.told if one.card.incident.cleared_ms is None]
        if told == self._shown:
            return
        self._shown = told
        self._box.clear()
        with self._box:
            for one in told[:_ODD_SHOWN]:
                self._card(one)
            if len(told) > _ODD_SHOWN:
                tag("p", f"And {len(told) - _ODD_SHOWN} more: see the timeline.", "quiet")

    def _card(self, one: Told) -> None:
        incident = one.card.incident
        with tag("article", "", f"card odd odd-{incident.event.severity}"):
            with tag("p", "", "odd-head"):
                mark(severity_shape(incident.event.severity))
                tag("span", severity_words(incident.event.severity), "odd-word")
                link("details", f"/incident/{incident.event.id}", "odd-link").attribute(
                    "aria-label", f"Details: {incident.event.sentence}"
                )
            tag("h3", incident.event.sentence, "sentence")
            tag("p", one.done, "done")
            label_buttons(self._desk, incident)


class Timeline:
    """Incidents, newest first, by day."""

    def __init__(self, picture: Picture, time_zone: str) -> None:
        self._zone = time_zone
        self._shown: Any = None
        with tag("section", "", "timeline", aria_labelledby="timeline-title"):
            tag("h2", "What happened", id="timeline-title")
            self._box = tag("div")
        self.take(picture)

    def take(self, picture: Picture) -> None:
        """Draw it anew where it has changed."""
        if picture.told == self._shown:
            return
        self._shown = picture.told
        self._box.clear()
        with self._box:
            if not picture.told:
                tag("p", "Nothing odd so far.", "empty")
            for day, told in groupby(picture.told, lambda one: self._day(one, picture)):
                tag("h3", day, "day")
                with tag("ol", "", "events"):
                    for one in told:
                        self._event(one, picture.overview.now_ms)

    def _event(self, one: Told, now_ms: int) -> None:
        incident = one.card.incident
        is_open = incident.cleared_ms is None
        with tag("li", "", "event"), link("", f"/incident/{incident.event.id}", "event-link"):
            with tag("span", "", "event-head"):
                mark(severity_shape(incident.event.severity) if is_open else "over")
                tag("b", explain.label(incident.event.device))
                tag("span", over_words(incident, self._zone, now_ms), "quiet")
            tag("span", incident.event.evidence.phrase, "event-what")
            tag("span", one.done, "event-done")
            said_words(incident)

    def _day(self, one: Told, picture: Picture) -> str:
        began = explain.clock(one.card.incident.event.first_ms, self._zone, picture.overview.now_ms)
        # `clock` leaves the date out where it is today's.
        return began.split(" ")[0] if " " in began else "Today"


def verdict(looks: list[Look]) -> str:
    """Return the home in one sentence; it counts as the list of devices does, in which what is silent is odd too."""
    odd, silent = sum(look in _WORST_FIRST for look in looks), looks.count(Look.SILENT)
    if not odd:
        return "Everything is as usual."
    if odd == silent:
        return "One device is silent." if odd == 1 else f"{odd} devices are silent."
    said = "One device is odd" if odd == 1 else f"{odd} devices are odd"
    return f"{said}, {silent} of them silent." if silent else f"{said}."


def _used(totals: Any) -> str:
    if totals.energy_today_wh is None:
        return "drawn now, by all devices"
    cost = "" if totals.cost_today is None else f", {money(totals.cost_today, totals.currency)}"
    return f"now · today {explain.energy(totals.energy_today_wh)}{cost}"
