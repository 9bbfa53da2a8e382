"""The edge's way in while its log has no room: sources wait, nothing grows, and nothing is given up."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from app.live import until
from app.messages import AT_MS, as_json, plain
from kilowatch.app.processor import Processor
from kilowatch.links.edge_log import EdgeLog, EdgeLogLimits
from kilowatch.links.kafka.topics import Topic
from kilowatch.links.source import SourceMessage

if TYPE_CHECKING:
    from pathlib import Path

LONGER_THAN_IT_WAITS_AT_ONCE_S = 0.8


def test_a_source_waits_while_the_log_is_full_and_the_processor_lives_on(tmp_path: Path) -> None:
    log = EdgeLog(tmp_path / "log", Topic.REJECTED, EdgeLogLimits(waiting=2))
    processor, acknowledged, stop = Processor([], log, 1, lambda: AT_MS), list[int](), threading.Event()

    def put() -> None:
        for number in range(5):
            payload = as_json(plain(ts_ms=AT_MS + number, seq=number))
            processor.put(SourceMessage("test", payload, None, AT_MS, partial(acknowledged.append, number)))

    source = threading.Thread(target=put)
    source.start()
    source.join(LONGER_THAN_IT_WAITS_AT_ONCE_S)
    assert source.is_alive(), "it gave up"
    until(lambda: bool(log.take(timeout_s=0.05)) and acknowledged == list(range(5)), "not all was taken")
    source.join(5)
    stop.set()
    assert processor.run(stop) == 0
    log.close()
