"""What would have happened last month: a job that lives through recorded history at several sensitivities."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.core.jobs import JobFailure, JobKind, JobProgress, RehearseWish
from kilowatch.core.outputs import RehearseOutput
from kilowatch.core.records import JobState
from kilowatch.web.access import Deed
from kilowatch.web.page.frame import Act, framed
from kilowatch.web.page.markup import button, mark, table, tag
from kilowatch.web.page.phrases import counted, percent, rate_words

if TYPE_CHECKING:
    from kilowatch.core.outputs import Sensitivity
    from kilowatch.web.page.frame import Desk
    from kilowatch.web.page.wall import Picture
    from kilowatch.web.views import JobView

# Rehearsals stand among the switchings that people asked for, and only the newest one is shown.
_JOBS = 20


async def past_page(desk: Desk) -> None:
    """Draw the page."""
    picture = await desk.ask(desk.wall.look)
    with framed(desk, picture, "Last month", "/past") as frame:
        tag("h1", "What would have happened last month?")
        tag("p", _MEANING, "lead")
        result = Result(desk)
        result.take(await desk.ask(desk.house.jobs, _JOBS))

        async def move(_: Picture) -> None:
            result.take(await desk.ask(desk.house.jobs, _JOBS))

    frame.every(move)


_MEANING = (
    "Before you arm anything: kilowatch lives through the last four weeks once more, never looking ahead, and counts "
    "the alarms that each sensitivity would have brought. Nothing is switched and nobody is told."
)


class Result:
    """The newest rehearsal, and the button that asks for another."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: Any = None
        self._box = tag("section", "", "card", aria_label="Rehearsal", aria_live="polite")

    def take(self, jobs: list[JobView]) -> None:
        """Draw it anew where it has changed."""
        job = next((one for one in jobs if one.kind == JobKind.REHEARSE), None)
        found = None if job is None else (job.id, job.state, job.result)
        if found == self._shown and self._shown is not None:
            return
        if job is None and self._shown == ():
            return
        # Empty where there is no job and that was drawn; None as long as nothing was.
        self._shown = found or ()
        self._box.clear()
        with self._box:
            self._draw(job)

    def _draw(self, job: JobView | None) -> None:
        if job is not None and job.state in (JobState.WAITING, JobState.RUNNING):
            _under_way(job)
            self._desk.guarded(button("Give up", partial(self._give_up, job.id)), Deed.REHEARSE)
            return
        if job is not None and job.state is JobState.FAILED:
            tag("p", f"That did not work. {_failure(job)}", "bad")
        elif job is None:
            tag("p", "Nobody has asked yet. It takes a minute or so, and the home is watched meanwhile.", "empty")
        elif job.result is not None:
            _table(msgspec.json.decode(job.result, type=RehearseOutput))
        asked = button("Ask again" if job is not None else "Ask", self._ask, "button strong")
        self._desk.guarded(asked, Deed.REHEARSE)

    async def _ask(self) -> None:
        word = partial(self._desk.words.rehearse, RehearseWish(), self._desk.visitor.name)
        await self._desk.do(Act(Deed.REHEARSE, "Asked. It takes a minute or so.", word))

    async def _give_up(self, job: int) -> None:
        word = partial(self._desk.words.give_up, job, self._desk.visitor.name)
        await self._desk.do(Act(Deed.REHEARSE, "Given up.", word))


def _under_way(job: JobView) -> None:
    share = 0.0 if job.result is None else msgspec.json.decode(job.result, type=JobProgress).share
    done = percent(share)
    with tag("p", "", "verdict"):
        mark("learning busy")
        tag("span", f"Living through the last four weeks: {done}. You may leave this page.")
    bounds = {"aria_valuemin": "0", "aria_valuemax": "100", "aria_valuenow": done.split(" ")[0]}
    with tag("div", "", "progress", role="progressbar", aria_label="How far it has come", **bounds):
        tag("span", "", "bar", style=f"width:{100 * share:.0f}%")


def _table(output: RehearseOutput) -> None:
    if not output.watched_device_weeks:
        tag("p", "There is too little history yet: devices must have been watched for some days.", "empty")
        return
    weeks = output.watched_device_weeks / output.devices
    watched = f"{weeks:.1f} weeks of each were watched; from those before them kilowatch learnt."
    tag("p", f"{counted(output.devices, 'device')}, {watched}", "quiet")
    most = max((_came(row) for row in output.sensitivities), default=0.0) or 1.0
    with table(
        ("asked for, a device", "would have come, a device", "", "of all devices"),
        "Alarms a week and device at each sensitivity",
    ):
        for row in output.sensitivities:
            with tag("tr"):
                tag("td", rate_words(row.requested_per_device_week))
                tag("td", "–" if row.alarms_per_device_week is None else f"{row.alarms_per_device_week:.2f} a week")
                with tag("td", "", "bar-cell", aria_hidden="true"):
                    tag("span", "", "bar", style=f"width:{100 * _came(row) / most:.0f}%")
                tag("td", counted(row.incidents, "incident"))
    tag("p", "A device's sensitivity is set with: kilowatch device set SITE DEVICE alarms_per_week=0.5", "quiet")


def _came(row: Sensitivity) -> float:
    return row.alarms_per_device_week or 0.0


def _failure(job: JobView) -> str:
    return "" if job.result is None else msgspec.json.decode(job.result, type=JobFailure).error
