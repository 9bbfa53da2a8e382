"""The live page: NiceGUI on the application that serves the API, without a word from any other machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nicegui import app as pages
from nicegui import ui

from kilowatch.errors import ComponentError, KilowatchError
from kilowatch.web.access import visitor
from kilowatch.web.page.device import device_page
from kilowatch.web.page.frame import Desk, framed, told
from kilowatch.web.page.gone import Gone
from kilowatch.web.page.home import home_page
from kilowatch.web.page.incident import incident_page
from kilowatch.web.page.markup import link, tag
from kilowatch.web.page.models import models_page
from kilowatch.web.page.rehearsal import past_page
from kilowatch.web.page.wall import Wall

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI

    from kilowatch.web.house import House
    from kilowatch.web.page.mischief import Mischief
    from kilowatch.web.ports import Words

_STATIC = Path(__file__).parent / "static"
_ANSWER_S = 15.0
_RECONNECT_S = 10.0
_HEAD = (
    '<link rel="stylesheet" href="/page-static/page.css?{version}">'
    '<meta name="theme-color" media="(prefers-color-scheme: light)" content="#f5f6f4">'
    '<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#101412">'
)


def mount(app: FastAPI, house: House, words: Words, mischief: Mischief | None = None) -> None:
    """Serve the page from `/`, after all other routes of app; `ComponentError` for a second page in one process.

    mischief: buttons of the demo.
    """
    if pages.config.has_run_config:
        raise ComponentError("This process serves a page already.", "Serve the second from another process.")
    wall = Wall(house)
    _routes(lambda: Desk(house, words, wall, visitor(ui.context.client.request), mischief))
    pages.add_static_files("/page-static", _STATIC, max_cache_age=86_400)
    # Part of the address: a browser may keep the file for a day, and asks anew once it has changed.
    version = int((_STATIC / "page.css").stat().st_mtime)
    ui.add_head_html(_HEAD.format(version=version), shared=True)
    ui.run_with(
        app,
        title="kilowatch",
        favicon=_STATIC / "icon.svg",
        dark=None,
        language="en-US",
        tailwind=False,
        # Nothing here is bound: NiceGUI would look for changed bindings ten times a second.
        binding_refresh_interval=None,
        reconnect_timeout=_RECONNECT_S,
        show_welcome_message=False,
    )
    # Last and so outermost: the error that it knows comes out of the middlewares that `run_with` adds.
    pages.add_middleware(Gone)


def _routes(desk_of: Callable[[], Desk]) -> None:
    """Name the pages. Each is drawn for who asks for it."""

    @ui.page("/", response_timeout=_ANSWER_S)
    async def home() -> None:
        await home_page(desk_of())

    @ui.page("/device", response_timeout=_ANSWER_S)
    async def device(site: str = "", device: str = "") -> None:
        desk = desk_of()
        await _or_why(desk, device_page(desk, site, device))

    @ui.page("/incident/{incident}", response_timeout=_ANSWER_S)
    async def incident(incident: str) -> None:
        desk = desk_of()
        await _or_why(desk, incident_page(desk, incident))

    @ui.page("/past", response_timeout=_ANSWER_S)
    async def past() -> None:
        await past_page(desk_of())

    @ui.page("/models", response_timeout=_ANSWER_S)
    async def models() -> None:
        await models_page(desk_of())


async def _or_why(desk: Desk, page: Awaitable[None]) -> None:
    """Draw a page, or say why there is none."""
    try:
        await page
    except KilowatchError as error:
        with framed(desk, await desk.ask(desk.wall.look), "Not found"):
            tag("h1", "Not found")
            tag("p", told(error))
            link("Back to all devices", "/")
