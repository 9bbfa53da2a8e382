"""The page as a person sees it, in a real browser before a demo that runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from web.page.stand import EVIL, EVIL_ID, VIEWER
from web.page.visits import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from web.page.visits import Stand

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

KETTLE = "/device?site=home&device=kettle"
WASHER = "/device?site=home&device=washer"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def told_of(page: Page, device: str) -> str:
    return f".odd-now article:has-text('{device}')"


def test_the_first_incident_appears_within_a_minute_with_what_was_done(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        kettle = visit.page.locator(told_of(visit.page, "Kettle"))
        kettle.wait_for(timeout=60_000)
        assert time.monotonic() - stand.began_s < 60
        kettle.get_by_text("was read back").wait_for(timeout=60_000)
        visit.page.locator("li.device[data-id='home/kettle'] .cell-state", has_text="odd").wait_for()
        assert "odd" in visit.page.locator(".verdict").inner_text()


def test_a_word_is_taken_and_taken_back(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        page = visit.page
        page.goto(f"/incident/{EVIL_ID}")
        wrong = page.get_by_role("button", name="Wrong")
        wrong.click()
        page.locator("button[aria-pressed=true]", has_text="Wrong").wait_for()
        page.goto("/")
        page.locator(".timeline .said", has_text="wrong").wait_for()
        page.goto(f"/incident/{EVIL_ID}")
        page.get_by_role("button", name="Undo").click()
        page.locator("button[aria-pressed=false]", has_text="Wrong").wait_for()
        assert page.get_by_role("button", name="Undo").count() == 0


def test_arming_asks_first_and_is_in_sight_on_every_page_until_it_is_undone(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        page = visit.page
        page.goto(WASHER)
        page.get_by_role("button", name="Arm", exact=True).click()
        page.get_by_role("button", name="Cancel").click()
        assert "Washer" not in page.locator(".strip .may-armed").first.inner_text()
        page.get_by_role("button", name="Arm", exact=True).click()
        page.get_by_role("button", name="Arm it").click()
        page.locator(".strip .may-armed", has_text="Washer").wait_for()
        page.goto("/models")
        page.locator(".strip .may-armed", has_text="Washer").wait_for()
        page.goto(WASHER)
        page.get_by_role("button", name="Disarm").click()
        page.get_by_role("button", name="Arm", exact=True).wait_for()
        page.wait_for_function("!document.querySelector('.strip .may-armed').innerText.includes('Washer')")


def test_who_may_only_look_cannot_arm_even_by_force(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand, VIEWER) as visit:
        page = visit.page
        page.goto(WASHER)
        arm = page.get_by_role("button", name="Protect", exact=True)
        assert arm.is_disabled()
        assert page.get_by_role("button", name="Arm", exact=True).is_disabled()
        arm.evaluate("button => { button.disabled = false; button.click(); }")
        page.get_by_text("may not do that").wait_for()
        assert page.locator(".controls .may-watched").is_visible()


def test_a_name_that_is_code_stays_text(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        page = visit.page
        page.locator("li.device .name", has_text="onerror").wait_for()
        for path in (f"/device?{urlencode({'site': 'home', 'device': EVIL})}", f"/incident/{EVIL_ID}", "/"):
            page.goto(path)
            page.get_by_text("onerror").first.wait_for()
            assert page.evaluate("window.owned") is None
        assert EVIL in page.locator(".odd-now").inner_text()
        assert page.locator("img").count() == 0


def test_the_switch_is_told_and_read_back(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        page = visit.page
        page.goto("/device?site=home&device=lamp")
        page.get_by_role("button", name="Switch off").click()
        page.locator(".sheet").get_by_role("button", name="Switch off").click()
        page.get_by_text("The plug is told").wait_for()


def test_past_and_score_are_drawn_and_zoomed_with_the_keyboard(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        page = visit.page
        page.goto(KETTLE)
        page.locator(".plot canvas").wait_for()
        page.locator(".past").get_by_role("button", name="1 day").click()
        page.locator(".past button[aria-pressed=true]", has_text="1 day").wait_for()
        page.locator(".plot").press("+")
        page.wait_for_function("!document.querySelector('.past .chip[aria-pressed=true]')")
        assert page.locator("table tr").count() > 1
        assert visit.complaints == []


def test_a_device_is_reached_with_the_keyboard_alone(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        page = visit.page
        page.locator("li.device").first.wait_for()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.classList.contains('device-link')"):
                break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        page.keyboard.press("Enter")
        page.wait_for_url("**/device?*")


@pytest.mark.parametrize(
    "looks", [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"]
)
def test_words_stand_out_and_nothing_is_cut_off(browser: Browser, stand: Stand, looks: Any) -> None:
    with Visit(browser, stand, **looks) as visit:
        for path in ("/", KETTLE, f"/incident/{EVIL_ID}", "/past", "/models"):
            visit.page.goto(path)
            visit.page.locator(".strip").wait_for()
            assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert visit.page.evaluate(_FAINT) == [], path
            assert visit.page.evaluate(_NAMELESS) == [], path


def test_nothing_is_asked_of_another_machine_and_the_browser_is_content(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        visit.page.goto(KETTLE)
        visit.page.locator(".plot canvas").wait_for()
        others = [
            url for url in visit.asked_for if not url.startswith((stand.url, stand.url.replace("http", "ws"), "data:"))
        ]
        assert others == []
        assert visit.complaints == []


def test_a_fault_begins_at_the_press_of_a_button(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        visit.page.locator(".trick", has_text="Router").first.click()
        visit.page.locator("li.device[data-id='home/router'][data-look$=odd]").wait_for(timeout=60_000)


def test_ten_tabs_are_alive_at_once(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        tabs = [visit.page, *(visit.tab("/") for _ in range(9))]
        clocks = [tab.locator(".hero-state .quiet").inner_text() for tab in tabs]
        for tab, before in zip(tabs, clocks, strict=True):
            tab.wait_for_function(
                "before => document.querySelector('.hero-state .quiet').innerText !== before", arg=before
            )
        assert visit.complaints == []


def test_the_page_comes_back_when_the_server_does(browser: Browser, stand: Stand) -> None:
    with Visit(browser, stand) as visit:
        visit.page.locator("li.device").first.wait_for()
        visit.page.evaluate("window.before = true")
        # The list stands in what is loaded first, and who was never connected cannot be cut off.
        visit.page.wait_for_function("window.did_handshake")
        stand.stop()
        visit.page.locator("#popup[aria-hidden=false]").wait_for(state="attached")
        stand.start()
        visit.page.wait_for_function("window.before === undefined", timeout=60_000)
        visit.page.locator("li.device").first.wait_for()


_FAINT = """() => {
  const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = colour => numbers(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [.2126, .7152, .0722][at], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor, parts = numbers(colour);
      if (parts.length === 3 || parts[3] === 1) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const faint = [];
  for (const element of document.querySelectorAll('header *, main *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || !box.width || element.closest('[disabled], svg, canvas, .unseen, .skip')) continue;
    const [one, two] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const ratio = (one + .05) / (two + .05);
    if (ratio < 4.5) faint.push(`${element.className}: ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
_NAMELESS = """() => [...document.querySelectorAll('button, a, input, select')]
  .filter(element => element.getBoundingClientRect().width)
  .filter(element => !(element.textContent || element.ariaLabel || element.title || '').trim())
  .map(element => element.outerHTML.slice(0, 80))"""
