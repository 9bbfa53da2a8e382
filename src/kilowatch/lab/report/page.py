"""The report as one HTML file that needs no network: numbers, incidents in words, pictures to zoom into.

Pictures are drawn as they come into view: a fleet's report opens as fast as a home's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import Reporting
from kilowatch.core.localtime import zone
from kilowatch.errors import ConfigError
from kilowatch.lab.report.plots import SEVERITY_COLORS, device_figure, highest_w
from kilowatch.lab.report.style import SCRIPT, STYLE

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.lab.report.story import DeviceStory, IncidentStory, ReportStory

_LISTED = 60
"""Of more incidents than this the worst are listed: nobody reads on."""
_PICTURED = 60
"""Devices with a picture, 0.1 MB each; the worst come first."""
_HINT = (
    "Blue is power, the green band what was expected, a score of 1 (dotted) its edge. Drag to zoom, double-click to "
    "see all, click an incident to see it close. Times are each device's own."
)


def write_report(story: ReportStory, path: Path) -> None:
    """Write the report to path; `ConfigError` where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(story), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"The report cannot be written to {path}: {error.strerror}.", "Choose another place with --report."
        ) from error


def page(story: ReportStory) -> str:
    """Return the report as HTML."""
    from plotly.offline import get_plotlyjs

    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(story.title)}</title><style>{STYLE}</style>",
        f"<script>{get_plotlyjs()}</script></head><body><main>",
        _head(story),
        *(_section(number, device, name) for number, (device, name) in enumerate(_named(story))),
        f"</main><script>{SCRIPT}</script></body></html>",
    ]
    return "\n".join(parts)


def _head(story: ReportStory) -> str:
    facts = "".join(
        f"<div class='fact'><b>{escape(value)}</b><span>{escape(label)}</span></div>" for label, value in story.facts
    )
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in (*story.notes, _HINT))
    return f"<header><h1>{escape(story.title)}</h1><div class='facts'>{facts}</div>{notes}</header>{_contents(story)}"


def _contents(story: ReportStory) -> str:
    rows = "".join(_content_row(number, device, name) for number, (device, name) in enumerate(_named(story)))
    head = "<th>device</th><th>kind</th><th class='n'>readings</th><th class='n'>incidents</th><th>worst</th>"
    return f"<nav><table><tr>{head}</tr>{rows}</table></nav>"


def _content_row(number: int, device: DeviceStory, name: str) -> str:
    several = " incident" if len(device.incidents) == 1 else " incidents"
    link = f"<a href='#device-{number}'>{escape(name)}</a>"
    cells = (
        f"<td>{link}</td><td>{_kind(device)}</td>",
        f"<td class='n'>{device.readings:,}</td><td class='n' data-of='{several}'>{len(device.incidents)}</td>",
        f"<td>{escape(_worst(device))}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _section(number: int, device: DeviceStory, name: str) -> str:
    worst = sorted(device.incidents, key=lambda incident: -incident.score)[:_LISTED]
    listed = sorted(worst, key=lambda incident: incident.first_ms)
    items = "".join(_incident(number, device, incident) for incident in listed)
    more = len(device.incidents) - len(listed)
    rest = f"<p class='note'>and {more} more that were less odd.</p>" if more else ""
    said = f"<ol class='incidents'>{items}</ol>{rest}" if listed else f"<p class='quiet'>{_quiet(device)}</p>"
    return (
        f"<section id='device-{number}'><h2>{escape(name)} <small>{_who(device)}</small></h2>"
        f"{_picture(number, device)}{said}{_foot(device)}</section>"
    )


def _has_picture(number: int, device: DeviceStory) -> bool:
    return number < _PICTURED and len(device.trace) > 0


def _picture(number: int, device: DeviceStory) -> str:
    if not _has_picture(number, device):
        return f"<p class='note'>No picture: the {_PICTURED} devices before have one.</p>" if len(device.trace) else ""
    # In a script element only "</" and "<!--" could end it early.
    figure = device_figure(device).to_json().replace("<", "\\u003c")
    return (
        f"<div class='plot' id='plot-{number}' data-figure='figure-{number}'></div>"
        f"<script type='application/json' id='figure-{number}'>{figure}</script>"
    )


def _quiet(device: DeviceStory) -> str:
    if not len(device.trace):
        return "Nothing was judged: there are too few usable readings."
    if device.watching_since_ms is None:
        return "Still learning at the end of the history: nothing was watched yet."
    return "Nothing odd was found."


def _incident(number: int, device: DeviceStory, incident: IncidentStory) -> str:
    when = _clock(incident.first_ms, device.record.time_zone)
    color = SEVERITY_COLORS.get(incident.severity, "#d6204e")
    # An incident of one sample would be zoomed to no time at all.
    span_ms = max(incident.last_ms - incident.first_ms, 600_000)
    view = _view(number, device, incident.first_ms - 2 * span_ms, incident.last_ms + span_ms)
    still = " · still open" if incident.is_open else ""
    return (
        f"<li{view}><span class='chip' style='border-color:{color}'>{escape(incident.severity)}</span>"
        f"<time>{when}</time> <span class='say'>{escape(incident.sentence)}</span>"
        f"<span class='would'>{escape(incident.would)} · score {incident.score:.2f}{still}</span></li>"
    )


def _view(number: int, device: DeviceStory, first_ms: int, last_ms: int) -> str:
    """Return what a click on an incident zooms to."""
    if not _has_picture(number, device):
        return ""
    # Zooming in on time leaves the axis of power as it is, so where that is to end is told along.
    rows = slice(*np.searchsorted(device.trace.ts_ms, [first_ms, last_ms]).tolist())
    span = f"data-from='{_iso(first_ms, device)}' data-to='{_iso(last_ms, device)}'"
    return f" data-plot='plot-{number}' {span} data-top='{highest_w(device.trace.rows(rows)):.4g}' tabindex='0'"


def _foot(device: DeviceStory) -> str:
    cleaned = ", ".join(f"{count:,} {escape(reason)}" for reason, count in device.cleaned.items() if count)
    parts = [f"Cleaning: {cleaned}." if cleaned else "", escape(device.note)]
    text = " ".join(part for part in parts if part)
    return f"<p class='note'>{text}</p>" if text else ""


def _named(story: ReportStory) -> list[tuple[DeviceStory, str]]:
    """Return the devices with their names, which carry the site where there are several."""
    sites = {device.record.site for device in story.devices}
    names = [device.record.device.replace("_", " ") for device in story.devices]
    if len(sites) > 1:
        names = [f"{device.record.site} / {name}" for device, name in zip(story.devices, names, strict=True)]
    return list(zip(story.devices, names, strict=True))


def _kind(device: DeviceStory) -> str:
    return escape(device.record.kind.value.replace("_", " "))


def _who(device: DeviceStory) -> str:
    record = device.record
    guard = "protected" if record.protected else "not protected"
    speaks = f"every {record.interval_s or record.grid_s:g} s"
    speaks = "when its power changes" if record.reporting is Reporting.ON_CHANGE else speaks
    return f"{_kind(device)} · speaks {speaks} · {guard} · {escape(record.time_zone)}"


def _worst(device: DeviceStory) -> str:
    worst = max(device.incidents, key=lambda incident: incident.score, default=None)
    return worst.sentence if worst else ""


def _clock(ts_ms: int, time_zone: str) -> str:
    return datetime.fromtimestamp(ts_ms / 1000, UTC).astimezone(zone(time_zone)).strftime("%a %d %b %Y %H:%M")


def _iso(ts_ms: int, device: DeviceStory) -> str:
    return (
        datetime.fromtimestamp(ts_ms / 1000, UTC)
        .astimezone(zone(device.record.time_zone))
        .strftime("%Y-%m-%d %H:%M:%S")
    )
