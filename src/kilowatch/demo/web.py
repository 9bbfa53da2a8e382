"""The page of a demo that runs: the real page and API, with buttons that let things go wrong, on loopback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kilowatch.app.edge.asked import Rehearsed, asked
from kilowatch.demo import stage
from kilowatch.demo.learnt import DETECTOR
from kilowatch.observability import Metrics
from kilowatch.web.access import Key, Keys, Role, new_token
from kilowatch.web.house import House, HouseSettings
from kilowatch.web.serving import Served, page_on, require_extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kilowatch.demo.live import LiveDemo

VISITOR = "you"
_HERE = "127.0.0.1"


@contextmanager
def paged(
    live: LiveDemo, port: int = 0, *, dry_run: bool = False, keys: Sequence[Key] = (), token: str | None = None
) -> Iterator[str]:
    """Serve the page of an open demo and give its address, with the token in it that signs a browser in.

    port: 0 for any that is free · keys: of who else may come in. `MissingExtraError` without the web extra.
    """
    require_extra()
    from kilowatch.demo.tricks import Tricks

    token = token or new_token()
    here = Keys([Key.of(VISITOR, Role.ADMIN, token), *keys])
    # Half of the recorded weeks are learnt from, so that the other half is watched.
    rehearsed = Rehearsed(live.snapshots, DETECTOR, stage.LEARNT_DAYS / 2)
    parts, clock = live.built.parts, live.clock
    settings = HouseSettings(time_zone=stage.TIME_ZONE, is_dry_run=dry_run)
    with asked(parts, live.plug_book, clock, rehearsed) as words:
        house = House(live.book, parts.database, parts.history, words, clock, live.usage, settings)
        what = Served(house, words, here, Metrics().exposition, mischief=Tricks(live))
        with page_on(_HERE, port, what) as taken:
            yield f"http://{_HERE}:{taken}/?token={token}"
