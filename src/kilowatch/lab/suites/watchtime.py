"""False alarms and open time over the time that was really watched: plugs are away for days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.lab.measure import OpenTime, Rate, false_alarms, open_time

if TYPE_CHECKING:
    from kilowatch.lab.measure import IncidentTimes
    from kilowatch.lab.suites.front import Course


def watched_ms(course: Course) -> int:
    """Return for how long a device was watched: held samples do not count."""
    return int((~course.samples.held).sum()) * round(course.record.grid_s * 1000)


def alarms_on(course: Course, incidents: IncidentTimes) -> Rate:
    """Return the false alarms of a clean course."""
    ts_ms = course.samples.ts_ms
    return Rate.over(false_alarms(incidents, int(ts_ms[0]), int(ts_ms[-1]) + 1).count, watched_ms(course))


def open_on(course: Course, incidents: IncidentTimes) -> OpenTime:
    """Return for how long incidents stood open on a course."""
    ts_ms = course.samples.ts_ms
    stood = open_time(incidents, int(ts_ms[0]), int(ts_ms[-1]) + 1)
    return OpenTime(stood.open_ms, watched_ms(course))
