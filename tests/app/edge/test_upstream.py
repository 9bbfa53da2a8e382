"""What the edge passes on: all of it, in order, none twice, and never at the judge's cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.edge.uplinks import MemoryUpstream
from app.messages import AT_MS, as_json, plain
from kilowatch.app.edge.batches import encoded, readings_of
from kilowatch.app.edge.outbox_metrics import OutboxMetrics
from kilowatch.app.edge.upstream import Upstream, UpstreamTempo
from kilowatch.core.events import WIRE_V, ReadingColumns, Tick
from kilowatch.core.wire import MAX_MESSAGE_BYTES
from kilowatch.links.edge_log import Taken
from kilowatch.links.outbox import DiskOutbox, OutboxLimits, WaitingReadings
from kilowatch.observability import Metrics
from links.incidents import STORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def until(condition: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + 15.0
    while not condition():
        assert time.monotonic() < end_s, what
        time.sleep(0.01)


LIMITS = OutboxLimits(max_bytes=10_000_000, survives_power_cut=False)
TEMPO = UpstreamTempo(gather_s=0.0, mark_s=1e9, retry_s=0.05, farewell_s=0.0)


def columns(first: int, rows: int) -> bytes:
    message = ReadingColumns(
        v=WIRE_V,
        site="home",
        device=[f"plug-{number % 3}" for number in range(first, first + rows)],
        ts_ms=[AT_MS + number for number in range(first, first + rows)],
        received_ms=[AT_MS] * rows,
        power_w=[float(number) for number in range(first, first + rows)],
    )
    return msgspec.json.encode(message)


MESSAGES = [
    msgspec.json.encode(Tick(v=WIRE_V, received_ms=AT_MS))
    if number % 7 == 3
    else as_json(plain(ts_ms=AT_MS + 1000 * number, received_ms=AT_MS, seq=number))
    if number % 2
    else columns(1000 * number, number % 5 + 1)
    for number in range(40)
]
WANTED = [(one.device, one.ts_ms) for one in readings_of(MESSAGES)]


@dataclass
class Life:
    """An upstream process on a folder, which may end well or by death. clock_ms: the wall's."""

    folder: Path
    there: MemoryUpstream
    limits: OutboxLimits = LIMITS
    tempo: UpstreamTempo = TEMPO
    clock_ms: int = AT_MS
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.outbox = DiskOutbox(self.folder, self.limits)
        show = OutboxMetrics(self.metrics, self.limits.max_bytes)
        mark = self.folder / "taken.json"
        self.upstream = Upstream(self.outbox, mark, self.there.connect, lambda: self.clock_ms, show, self.tempo)

    def live(self, begin: int, end: int, log_end: int | None = None) -> int:
        """Take messages from where it wants them, at least `begin`, in pieces of 4; return where it began."""
        first = self.upstream.open(begin if log_end is None else log_end)
        for offset in range(first, end, 4):
            piece = range(offset, min(end, offset + 4))
            self.upstream.took(Taken(list(piece), [MESSAGES[at] for at in piece]))
        return first

    def die(self) -> None:
        """End without a last word: what is marked on the disk is what was marked before."""
        before = self.folder / "taken.json"
        kept = before.read_bytes() if before.exists() else None
        self.there.is_away = True
        self.upstream.close()
        if kept is None:
            before.unlink(missing_ok=True)
        else:
            before.write_bytes(kept)
        self.there.is_away = False


def test_all_of_it_arrives_in_order(tmp_path: Path) -> None:
    there = MemoryUpstream()
    life = Life(tmp_path, there)
    life.live(0, len(MESSAGES))
    life.upstream.told(STORY)
    until(lambda: len(there.rows()) == len(WANTED) and len(there.incidents) == len(STORY), "it did not all arrive")
    life.upstream.close()
    assert there.rows() == WANTED
    assert there.incidents == STORY
    assert DiskOutbox(tmp_path, LIMITS).state.readings == 0


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, len(MESSAGES)), max_size=3).map(sorted), is_away=st.booleans())
def test_no_death_loses_or_doubles_a_reading(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], is_away: bool
) -> None:
    folder = tmp_path_factory.mktemp("outbox")
    there, done = MemoryUpstream(), 0
    for cut in cuts:
        there.is_away = is_away
        life = Life(folder, there)
        life.live(done, cut)
        time.sleep(0.02)
        life.die()
        done = cut
    last = Life(folder, there)
    last.live(len(MESSAGES), len(MESSAGES))
    until(lambda: len(set(there.rows())) == len(set(WANTED)), "readings are missing")
    last.upstream.close()
    assert sorted(set(there.rows())) == sorted(WANTED)
    seen: dict[tuple[str, int], None] = dict.fromkeys(there.rows())
    assert list(seen) == WANTED
    if is_away:
        assert there.rows() == WANTED


def test_a_death_before_the_second_mark_doubles_nothing(tmp_path: Path) -> None:
    there = MemoryUpstream()
    life = Life(tmp_path, there)
    life.upstream.open(0)
    marked = (tmp_path / "taken.json").read_bytes()
    life.upstream.took(Taken(list(range(20)), MESSAGES[:20]))
    until(lambda: len(there.rows()) == len(readings_of(MESSAGES[:20])), "not sent")
    life.upstream.close()
    (tmp_path / "taken.json").write_bytes(marked)
    again = Life(tmp_path, there)
    again.live(len(MESSAGES), len(MESSAGES))
    until(lambda: len(there.rows()) >= len(WANTED), "not sent")
    again.upstream.close()
    assert there.rows() == WANTED


def test_an_upstream_that_is_stuck_costs_the_judge_nothing(tmp_path: Path) -> None:
    there = MemoryUpstream(is_away=True)
    life = Life(tmp_path, there)
    life.live(0, 20)
    until(lambda: life.outbox.end == len(readings_of(MESSAGES[:20])), "readings did not reach the disk")
    started = time.monotonic()
    for offset in range(20, len(MESSAGES)):
        life.upstream.took(Taken([offset], [MESSAGES[offset]]))
        life.upstream.told(STORY[:1])
    assert time.monotonic() - started < 2.0
    there.is_away = False
    until(lambda: there.rows() == WANTED, "it was not drained")
    life.upstream.close()


def test_what_waited_long_leaves_as_history(tmp_path: Path) -> None:
    there = MemoryUpstream(is_away=True)
    life = Life(tmp_path, there)
    life.live(0, len(MESSAGES))
    life.upstream.told(STORY)
    until(lambda: life.outbox.end == len(WANTED), "readings did not reach the disk")
    life.die()
    late = Life(tmp_path, there, clock_ms=AT_MS + 3_600_000)
    late.live(len(MESSAGES), len(MESSAGES))
    until(lambda: len(there.incidents) == len(STORY) and there.rows() == WANTED, "it was not drained")
    late.upstream.close()
    assert all(all(message.backfill or [False]) for message in there.readings)
    assert all(event.historical for event in there.incidents)
    assert [(event.id, event.version) for event in there.incidents] == [(one.id, one.version) for one in STORY]


def test_a_refusal_is_said_once_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    there = MemoryUpstream(refuses=True)
    life = Life(tmp_path, there)
    with caplog.at_level("ERROR", "kilowatch.upstream"):
        life.live(0, len(MESSAGES))
        until(lambda: there.connections >= 3, "it was not tried again")
    there.refuses = False
    until(lambda: there.rows() == WANTED, "it was not sent in the end")
    life.upstream.close()
    assert len([record for record in caplog.records if "refuses" in record.message]) == 1


def test_messages_with_numbers_that_a_power_cut_freed_are_new(tmp_path: Path) -> None:
    there = MemoryUpstream()
    life = Life(tmp_path, there)
    life.live(0, 30)
    until(lambda: there.rows() == [(one.device, one.ts_ms) for one in readings_of(MESSAGES[:30])], "not sent")
    life.upstream.close()
    again = Life(tmp_path, there)
    assert again.live(0, 0, log_end=10) == 10
    again.upstream.took(Taken([10, 11], MESSAGES[30:32]))
    again.upstream.close()
    assert (
        there.rows()[-len(readings_of(MESSAGES[30:32])) :]
        == WANTED[-len(readings_of(MESSAGES[30:])) :][: len(readings_of(MESSAGES[30:32]))]
    )


def test_the_metrics_say_how_it_stands(tmp_path: Path) -> None:
    there = MemoryUpstream(is_away=True)
    small = OutboxLimits(max_bytes=1500, file_bytes=400, survives_power_cut=False)
    life = Life(tmp_path, there, small)
    life.live(0, len(MESSAGES))
    until(lambda: life.outbox.end == len(WANTED), "readings did not reach the disk")
    life.die()
    value = life.metrics.registry.get_sample_value
    state = DiskOutbox(tmp_path, small).state
    assert value("kilowatch_outbox_limit_bytes") == 1500
    assert value("kilowatch_outbox_messages") == state.readings < len(WANTED)
    assert value("kilowatch_outbox_dropped_total") == state.dropped > 0
    assert 0 < (value("kilowatch_outbox_bytes") or 0) <= 3000


def test_a_batch_too_large_for_a_broker_leaves_in_parts() -> None:
    rows = 9000
    large = ReadingColumns(
        v=WIRE_V, site="home", device=["d" * 128] * rows, ts_ms=list(range(rows)), power_w=[1.0] * rows
    )
    parts = [part for _, part in encoded(WaitingReadings("o", 0, rows, (large,)))]
    assert len(parts) > 1
    assert max(map(len, parts)) <= MAX_MESSAGE_BYTES
    assert [one.ts_ms for part in parts for one in readings_of([part])] == list(range(rows))
