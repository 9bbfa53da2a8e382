"""The report in a real browser without a network: it draws, it zooms, it complains of nothing."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from kilowatch.lab.report.page import write_report
from lab.stories import HOUR_MS, START_MS, device_of, incident_of, report_of, trace_of

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

_QUIET = ("quic", "background-networking", "component-update", "sync", "gpu")
EVIL = "</script><script>document.title = 'owned'</script>"
DEVICES = 20
"""More than the WebGL contexts that a browser keeps."""
_DRAW_TIMEOUT_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is missing: install it to see the report drawn")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install kilowatch[dev]")
    with playwright.sync_playwright() as player:
        arguments = ["--no-sandbox", *(f"--disable-{what}" for what in _QUIET)]
        opened = player.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty devices: the first two with an incident, the last without a judged sample."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    quiet = [device_of(f"d{number}", days=0.3, watching_since_ms=None) for number in range(DEVICES - 3)]
    nothing = device_of("nothing", trace=trace_of(1).rows(slice(0, 0)))
    worst = [device_of(EVIL, incident_of(30), incident_of(50)), device_of("tv", incident_of(40))]
    write_report(report_of(*worst, *quiet, nothing, notes=(EVIL,)), path)
    return path


class Visit:
    """The report as opened, with what the browser complained of and asked for."""

    def __init__(self, browser: Browser, report: Path, width: int, scheme: Any) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, reduced_motion="reduce"
        )
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked_for: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked_for.append(request.url))
        self.page.goto(report.as_uri())

    def draw_all(self) -> int:
        """Scroll past every picture and return how many of them have lines."""
        for plot in self.page.query_selector_all(".plot"):
            plot.scroll_into_view_if_needed()
            self.page.wait_for_function("plot => plot.querySelector('.scatterlayer path')", arg=plot)
        return int(self.page.evaluate("document.querySelectorAll('.plot:has(.scatterlayer path)').length"))

    def x_range(self, number: int) -> list[str]:
        found: list[str] = self.page.evaluate(f"document.getElementById('plot-{number}').layout.xaxis.range")
        return found


@pytest.fixture(scope="module", params=[(1200, "light"), (420, "dark")], ids=["wide", "phone"])
def visit(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Generator[Visit]:
    opened = Visit(browser, report, *request.param)
    opened.page.set_default_timeout(_DRAW_TIMEOUT_MS)
    yield opened
    opened.context.close()


def test_every_device_has_a_drawn_plot_and_the_browser_is_content(visit: Visit, report: Path) -> None:
    assert visit.draw_all() == DEVICES - 1
    assert visit.complaints == []
    assert set(visit.asked_for) == {report.as_uri()}
    assert visit.page.title() == "kilowatch: a test"
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_click_on_an_incident_zooms_to_it(visit: Visit) -> None:
    second = visit.page.locator("#device-0 .incidents li").nth(1)
    second.click()
    visit.page.wait_for_function("document.getElementById('plot-0').layout?.xaxis?.autorange === false")
    low, high = visit.x_range(0)
    assert low == second.get_attribute("data-from")
    assert high == second.get_attribute("data-to")
    assert visit.page.evaluate("document.getElementById('plot-0').layout.xaxis2.range") == [low, high]
    assert visit.page.evaluate("document.getElementById('plot-0').getBoundingClientRect().top >= 0")


def test_the_keyboard_zooms_too(visit: Visit) -> None:
    visit.page.locator("#device-1 .incidents li").press("Enter")
    visit.page.wait_for_function("document.getElementById('plot-1').layout?.xaxis?.autorange === false")
    assert visit.x_range(1)[0].startswith("2026-01-06 15:00")


def test_the_time_axis_is_the_device_s_own_clock(visit: Visit) -> None:
    visit.page.locator("#plot-2").scroll_into_view_if_needed()
    visit.page.wait_for_function("document.getElementById('plot-2')._fullData")
    first = visit.page.evaluate("document.getElementById('plot-2')._fullData[0].x[0]")
    assert first == START_MS + HOUR_MS


def test_no_button_sends_the_picture_anywhere(visit: Visit) -> None:
    visit.page.locator("#plot-0").hover()
    titles = visit.page.evaluate("[...document.querySelectorAll('#plot-0 .modebar-btn')].map(b => b.dataset.title)")
    assert len(titles) == 6
    assert not [title for title in titles if re.search("share|cloud|edit", title, re.IGNORECASE)]


def test_paper_gets_every_picture(visit: Visit) -> None:
    visit.page.reload()
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    visit.page.wait_for_function(f"document.querySelectorAll('.plot:has(.scatterlayer path)').length == {DEVICES - 1}")
    assert visit.complaints == []
