"""What would have happened, asked in a browser; and where a candidate in shadow disagrees, as a page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from web.page.stand import VIEWER
from web.page.visits import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from web.page.visits import Stand

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
_LIVED_MS = 240_000
"""A rehearsal takes seconds of a core at low priority, and as long as it takes beside other work."""


def test_who_asks_is_told_how_many_alarms_each_sensitivity_would_have_brought(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        page = visit.tab("/past")
        page.get_by_role("button", name="Ask").click()
        page.get_by_text("Living through the last four weeks").wait_for()
        assert 0 <= int(page.get_by_role("progressbar").get_attribute("aria-valuenow") or -1) <= 100
        page.get_by_role("button", name="Give up").click()
        page.get_by_text("gave it up").wait_for()
        page.get_by_role("button", name="Ask again").click()
        rows = page.locator("tbody tr")
        rows.nth(5).wait_for(timeout=_LIVED_MS)
        asked = [row.split("\n")[0].split("\t")[0] for row in rows.all_inner_texts()]
        assert asked[0].startswith("one in 10 weeks")
        assert asked[-1].startswith("5 a week")
        assert page.get_by_text("12 devices, 2").is_visible(), "the demo's devices have lived through four weeks"
        assert page.get_by_role("button", name="Ask again").is_enabled()
        assert not visit.complaints


def test_a_page_shows_where_a_candidate_disagrees_and_who_may_promote_it(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand, VIEWER) as visit:
        page = visit.tab("/models")
        card = page.get_by_role("region", name="Heater: live model and candidate")
        card.wait_for()
        words = card.inner_text()
        assert "5,760 samples of 1 device, 2 device-days." in words
        assert "the candidate" in card.locator("tbody tr").inner_text()
        assert "1.34" in words
        assert page.get_by_role("button", name="Promote").is_disabled()
        assert not visit.complaints
