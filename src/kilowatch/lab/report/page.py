"""The report as one HTML file that needs no network: numbers, incidents in words, pictures to zoom into."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from kilowatch.core.localtime import zone
from kilowatch.lab.report.plots import SEVERITY_COLORS, device_figure
from kilowatch.lab.report.style import SCRIPT, STYLE

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.lab.report.story import DeviceStory, IncidentStory, ReportStory

_LISTED = 60
"""More incidents than this a device are counted, not listed: nobody reads on."""


def write_report(story: ReportStory, path: Path) -> None:
    """Write the report to path."""
    from plotly.offline import get_plotlyjs

    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{escape(story.title)}</title><style>{STYLE}</style>",
        f"<script>{get_plotlyjs()}</script></head><body><main>",
        _head(story),
        *(_section(number, device) for number, device in enumerate(story.devices)),
        f"</main><script>{SCRIPT}</script></body></html>",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")


def _head(story: ReportStory) -> str:
    facts = "".join(
        f"<div class='fact'><b>{escape(value)}</b><span>{escape(label)}</span></div>" for label, value in story.facts
    )
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in story.notes)
    return f"<header><h1>{escape(story.title)}</h1><div class='facts'>{facts}</div>{notes}</header>{_contents(story)}"


def _contents(story: ReportStory) -> str:
    rows = "".join(_content_row(number, device) for number, device in enumerate(story.devices))
    head = "<th>device</th><th>kind</th><th class='n'>readings</th><th class='n'>incidents</th><th>worst</th>"
    return f"<nav><table><tr>{head}</tr>{rows}</table></nav>"


def _content_row(number: int, device: DeviceStory) -> str:
    link = f"<a href='#device-{number}'>{escape(_name(device))}</a>"
    cells = (
        f"<td>{link}</td><td>{escape(device.record.kind.value)}</td>",
        f"<td class='n'>{device.readings:,}</td><td class='n'>{len(device.incidents)}</td>",
        f"<td>{escape(_worst(device))}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _section(number: int, device: DeviceStory) -> str:
    from plotly.io import to_html

    config = {"displaylogo": False, "responsive": True, "scrollZoom": False}
    plot = "<p class='note'>Nothing was judged: too few usable readings.</p>"
    if len(device.trace):
        plot = to_html(
            device_figure(device), include_plotlyjs=False, full_html=False, config=config, div_id=f"plot-{number}"
        )
    listed = sorted(device.incidents, key=lambda incident: incident.first_ms)[:_LISTED]
    items = "".join(_incident(number, device, incident) for incident in listed)
    more = len(device.incidents) - len(listed)
    rest = f"<p class='note'>and {more} more.</p>" if more else ""
    empty = "" if listed else "<p class='quiet'>Nothing odd was found.</p>"
    return (
        f"<section id='device-{number}'><h2>{escape(_name(device))} <small>{escape(_who(device))}</small></h2>"
        f"{plot}{empty}<ol class='incidents'>{items}</ol>{rest}{_foot(device)}</section>"
    )


def _incident(number: int, device: DeviceStory, incident: IncidentStory) -> str:
    when = _clock(incident.first_ms, device.record.time_zone)
    color = SEVERITY_COLORS.get(incident.severity, "#d6204e")
    span_ms = max(incident.last_ms - incident.first_ms, 600_000)
    low, high = _iso(incident.first_ms - 2 * span_ms, device), _iso(incident.last_ms + span_ms, device)
    view = f"data-plot='plot-{number}' data-from='{low}' data-to='{high}'"
    still = " · still open" if incident.is_open else ""
    return (
        f"<li {view} tabindex='0'><span class='chip' style='border-color:{color}'>{escape(incident.severity)}</span>"
        f"<time>{when}</time> <span class='say'>{escape(incident.sentence)}</span>"
        f"<span class='would'>{escape(incident.would)} · score {incident.score:.2f}{still}</span></li>"
    )


def _foot(device: DeviceStory) -> str:
    cleaned = ", ".join(f"{escape(reason)} {count:,}" for reason, count in device.cleaned.items() if count)
    parts = [f"Cleaning: {cleaned}." if cleaned else "", escape(device.note)]
    text = " ".join(part for part in parts if part)
    return f"<p class='note'>{text}</p>" if text else ""


def _name(device: DeviceStory) -> str:
    return f"{device.record.site} / {device.record.device}" if device.record.site else device.record.device


def _who(device: DeviceStory) -> str:
    record = device.record
    guard = "protected" if record.protected else "not protected"
    return f"{record.kind.value} · every {record.interval_s or record.grid_s:g} s · {guard} · {record.time_zone}"


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
