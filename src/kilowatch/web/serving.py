"""Page and API put together and served: the one way for an edge, a cluster and the demo."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kilowatch.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.observability.health import Health
    from kilowatch.web.access import Keys
    from kilowatch.web.house import House
    from kilowatch.web.page.mischief import Mischief
    from kilowatch.web.ports import Words

_NEEDED = ("fastapi", "uvicorn", "nicegui")


@dataclass(frozen=True, slots=True)
class Served:
    """What page and API stand on. exposition: metrics; health: None where it is ready as soon as it answers."""

    house: House
    words: Words
    keys: Keys
    exposition: Callable[[], bytes]
    health: Health | None = None
    mischief: Mischief | None = None


def missing_extra() -> str | None:
    """Return the first package of the web extra that is not installed, None where all are."""
    return next((package for package in _NEEDED if find_spec(package) is None), None)


def require_extra() -> None:
    """Hold that the web extra is installed; `MissingExtraError` where it is not."""
    package = missing_extra()
    if package is not None:
        raise MissingExtraError(package, "web")


@contextmanager
def page_on(bind: str, port: int, what: Served) -> Iterator[int]:
    """Serve page and API while the block runs, and give the port, chosen freely for port 0.

    `MissingExtraError` where the web extra is not installed, `ComponentError` where the address cannot be had.
    """
    require_extra()
    from kilowatch.web.api.app import app_of
    from kilowatch.web.api.here import Here
    from kilowatch.web.page import mount
    from kilowatch.web.server import served

    here = Here(what.house, what.words, what.exposition, what.health)
    app = app_of(here, what.keys)
    mount(app, what.house, what.words, what.mischief)
    with served(app, here, bind, port) as taken:
        yield taken
