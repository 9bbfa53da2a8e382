"""The report: one page that needs no network, says everything in words, and trusts no name."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from kilowatch.errors import ConfigError
from kilowatch.lab.report.page import page, write_report
from kilowatch.lab.report.plots import OVERVIEW_ROWS, device_figure, highest_w, plotted_rows
from lab.stories import DAY_MS, HOUR_MS, START_MS, STEP_MS, device_of, incident_of, report_of, trace_of

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.app.trace import Trace
    from kilowatch.lab.report.story import DeviceStory

EVIL = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>\"&amp;"


class Elements(HTMLParser):
    """Every element with its attributes and text; what scripts and styles hold apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside in {"script", "style"} else self.texts).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def told(*devices: DeviceStory, **more: Any) -> Elements:
    return Elements(page(report_of(*devices, **more)))


def shapes(device: DeviceStory) -> list[Any]:
    found: list[Any] = json.loads(device_figure(device).to_json())["layout"]["shapes"]
    return found


def test_nothing_is_fetched_from_anywhere() -> None:
    elements = told(device_of("fridge", incident_of(30)))
    links = [
        value
        for _, attributes in elements.found
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "action", "data"}
    ]
    assert links == ["#device-0"]
    assert not elements.all("link")
    styles = page(report_of()).partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in styles
    assert "@import" not in styles


def test_names_and_sentences_stay_text() -> None:
    odd = incident_of(30, sentence=EVIL, would=EVIL, severity="info")
    elements = told(device_of(EVIL, odd, site=EVIL, note=EVIL), device_of("tv"), notes=(EVIL,))
    assert not elements.all("img")
    assert not any("alert(" in script for script in elements.scripts)
    assert elements.text.count(" ".join(EVIL.split())) >= 5
    assert len(elements.all("script")) == 4  # plotly, two pictures, ours


def test_a_picture_is_data_that_reads_back() -> None:
    elements = told(device_of("fridge", incident_of(30)))
    (plot,) = [attributes for attributes in elements.all("div") if attributes.get("class") == "plot"]
    html = page(report_of(device_of("fridge", incident_of(30))))
    match = re.search(rf"<script type='application/json' id='{plot['data-figure']}'>(.*?)</script>", html, re.DOTALL)
    assert match is not None
    assert {trace["name"] for trace in json.loads(match[1])["data"]} == {"power", "expected", "score"}


def test_incidents_are_told_with_what_would_have_been_done() -> None:
    elements = told(device_of("fridge", incident_of(30), incident_of(50, is_open=True)))
    assert "Fridge: on for 41 min at hour 30" in elements.text
    assert elements.text.count("Armed, it would have been switched off at 12:05.") == 2
    assert elements.text.count("still open") == 1
    assert "Tue 06 Jan 2026 07:00" in elements.text  # Berlin is an hour ahead


def test_an_incident_zooms_to_itself_on_the_device_s_clock() -> None:
    (item,) = told(device_of("fridge", incident_of(30, hours=2))).all("li")
    assert item["data-plot"] == "plot-0"
    assert item["data-from"] == "2026-01-06 03:00:00"
    assert item["data-to"] == "2026-01-06 11:00:00"
    assert float(item["data-top"] or 0) > 100
    assert item["tabindex"] == "0"


def test_of_very_many_incidents_the_worst_are_listed_in_time_order() -> None:
    many = [incident_of(hour / 2, score=1 + (hour % 10)) for hour in range(100)]
    elements = told(device_of("fridge", *many))
    assert len(elements.all("li")) == 60
    assert "and 40 more" in elements.text
    assert "score 10.00" in elements.text
    assert "score 1.00" not in elements.text
    hours = [float(hour) for hour in re.findall(r"on for 41 min at hour ([\d.]+)", elements.text)]
    listed = hours[-60:]
    assert listed == sorted(listed)


def test_a_device_of_which_nothing_was_judged_has_words_and_no_picture() -> None:
    nothing = trace_of(1).rows(slice(0, 0))
    elements = told(device_of("fridge", trace=nothing, watching_since_ms=None))
    assert "too few usable readings" in elements.text
    assert not [attributes for attributes in elements.all("div") if attributes.get("class") == "plot"]


def test_silence_can_be_told_of_a_device_without_a_picture() -> None:
    nothing = trace_of(1).rows(slice(0, 0))
    (item,) = told(device_of("fridge", incident_of(30), trace=nothing)).all("li")
    assert item == {}


def test_quiet_and_still_learning_are_told_apart() -> None:
    assert "Nothing odd was found." in told(device_of()).text
    learning = told(device_of(watching_since_ms=None)).text
    assert "Still learning" in learning
    assert "Nothing odd" not in learning


def test_the_site_is_named_where_there_are_several() -> None:
    assert "home /" not in told(device_of("fridge"), device_of("water_heater")).text
    both = told(device_of("fridge"), device_of("fridge", site="office")).text
    assert "home / fridge" in both
    assert "office / fridge" in both


def test_cleaning_and_the_threshold_are_told_at_the_foot() -> None:
    elements = told(device_of(cleaned={"duplicate": 1200}, note="Set from 30 peaks."))
    assert "Cleaning: 1,200 duplicate. Set from 30 peaks." in elements.text


def test_a_fleet_s_report_draws_the_worst_and_tells_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilowatch.lab.report.page._PICTURED", 2)
    elements = told(*(device_of(f"d{number}", incident_of(30), trace=trace_of(0.01)) for number in range(5)))
    assert [a["id"] for a in elements.all("div") if a.get("class") == "plot"] == ["plot-0", "plot-1"]
    assert len(elements.all("section")) == 5
    assert elements.text.count("No picture") == 3


def test_the_learning_region_ends_where_watching_begins() -> None:
    learning = next(shape for shape in shapes(device_of()) if "label" in shape)
    hour_ahead = START_MS + HOUR_MS
    assert (learning["x0"], learning["x1"]) == (hour_ahead, hour_ahead + DAY_MS)
    assert learning["label"]["text"] == "learning"


@pytest.mark.parametrize(("since_ms", "share"), [(None, 1.0), (1, 0.0), (START_MS + 90 * DAY_MS, 1.0)])
def test_who_never_or_always_watched_has_all_or_no_learning_region(since_ms: int | None, share: float) -> None:
    learning = [shape for shape in shapes(device_of(watching_since_ms=since_ms)) if "label" in shape]
    spans = [shape["x1"] - shape["x0"] for shape in learning]
    assert sum(spans) == pytest.approx(share * 3 * DAY_MS, abs=STEP_MS)


def test_every_incident_is_a_region_of_its_own_width() -> None:
    device = device_of("fridge", incident_of(30, hours=2), incident_of(50, hours=0))
    regions = [shape for shape in shapes(device) if shape.get("yref") == "paper"]
    assert [shape["x1"] - shape["x0"] for shape in regions] == [2 * HOUR_MS, 60_000]


@pytest.mark.parametrize("incidents", [0, 3])
def test_a_long_course_is_thinned_and_keeps_its_spikes(incidents: int) -> None:
    trace = trace_of(30)
    rows = plotted_rows(trace, [incident_of(24.0 * day + 6) for day in range(incidents)])
    assert len(rows) <= OVERVIEW_ROWS * 2
    assert rows.high_power_w[np.isfinite(rows.high_power_w)].max() == 2000
    assert (np.diff(rows.ts_ms) > 0).all()


def test_around_an_incident_more_is_to_be_seen() -> None:
    def in_hours(rows: Trace) -> int:
        return int(((rows.ts_ms >= START_MS + 29 * HOUR_MS) & (rows.ts_ms < START_MS + 32 * HOUR_MS)).sum())

    trace = trace_of(30)
    assert in_hours(plotted_rows(trace, [incident_of(30)])) > 5 * in_hours(plotted_rows(trace, []))


@pytest.mark.parametrize("days", [0.5, 20])
def test_no_line_is_drawn_across_a_silence(days: float) -> None:
    trace = trace_of(days)
    silent = (trace.ts_ms >= START_MS + 2 * HOUR_MS) & (trace.ts_ms < START_MS + 8 * HOUR_MS)
    rows = plotted_rows(trace.rows(~silent), [])
    unknown = np.isnan(rows.high_power_w)
    assert unknown.sum() == 1
    assert START_MS + 2 * HOUR_MS <= int(rows.ts_ms[unknown][0]) < START_MS + 3 * HOUR_MS
    assert not np.isnan(plotted_rows(trace, []).high_power_w).any()


def test_a_band_is_drawn_where_it_is_known() -> None:
    names = [drawn.name for drawn in device_figure(device_of(trace=trace_of(1, band=False))).data]
    assert names == ["power", "score"]
    trace = trace_of(1)
    trace.band_low_w[:1440] = np.nan
    (band,) = (drawn for drawn in device_figure(device_of(trace=trace)).data if drawn.name == "expected")
    assert np.nanmin(band.x) >= START_MS + 12 * HOUR_MS


def test_a_wide_band_does_not_flatten_the_power() -> None:
    trace = trace_of(0.1)
    trace.band_high_w[:] = 50_000.0
    assert highest_w(trace) < 250
    assert highest_w(trace.rows(slice(0, 0))) > 0


def test_the_folder_is_made_and_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_report(report_of(device_of(days=0.1)), path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(ConfigError, match=r"report\.html"):
        write_report(report_of(), path / "below.html")
