"""A day's outbox drained into real Kafka before an actor that may switch: 0 plug calls, and every incident decided on.

The other ways by which the past comes are in `app.test_actor_kafka` (away for an hour, offsets at the beginning) and
`app.edge.test_past`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from app.edge.test_upstream import LIMITS, TEMPO
from app.live import until
from app.test_actor_kafka import books, calls, introduce, known, odd, plug, steps, tell, working
from kilowatch.app.edge.outbox_metrics import OutboxMetrics
from kilowatch.app.edge.upstream import Upstream
from kilowatch.core.events import ActionState
from kilowatch.links.kafka.uplink import KafkaUplink
from kilowatch.links.outbox import DiskOutbox
from kilowatch.links.wall import wall_ms
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.links.database import Database
    from kilowatch.links.kafka.settings import Access
    from kilowatch.sim.plugs import SimPlug

__all__ = ["books", "plug"]

pytestmark = pytest.mark.kafka
HALF_HOUR_MS, DAY_MS = 1_800_000, 86_400_000


def filled(folder: Path) -> tuple[DiskOutbox, list[str]]:
    """An outbox into which an edge without a link has put an incident each half hour, the last a few minutes ago.

    Their evidence claims to be of this moment: that they waited is known to the outbox alone.
    """
    outbox, now_ms = DiskOutbox(folder, LIMITS), wall_ms()
    waited_ms = [*range(DAY_MS, 0, -HALF_HOUR_MS), 180_000]
    for number, ago_ms in enumerate(waited_ms):
        outbox.put_incidents([odd(0.0, f"waited-{number}")], now_ms - ago_ms)
    return outbox, [f"waited-{number}" for number in range(len(waited_ms))]


def test_a_day_in_the_outbox_switches_nothing_when_the_link_is_back(
    kafka_topics: Access, books: Database, plug: SimPlug, tmp_path: Path
) -> None:
    introduce(books, plug)
    outbox, waited = filled(tmp_path / "outbox")
    show = OutboxMetrics(Metrics(), LIMITS.max_bytes)
    mark, uplink = tmp_path / "taken.json", partial(KafkaUplink, kafka_topics)
    upstream = Upstream(outbox, mark, uplink, wall_ms, show, TEMPO)
    with working(kafka_topics, books):
        upstream.open(0)
        until(lambda: all(known(books, incident) for incident in waited), "not all were decided on")
        assert calls(plug) == 0
        with books.read() as transaction:
            assert transaction.actions.of_site("home", 0) == []
        tell(kafka_topics, odd(0.0, "of-now"))
        until(lambda: steps(books, "of-now")[-1:] == [ActionState.CONFIRMED], "what is of now was not switched off")
    upstream.close()
    assert calls(plug) == 1
