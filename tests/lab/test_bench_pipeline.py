"""The benchmark of the live system: its arithmetic, the state it preloads, and a tiny run on real Kafka."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from kilowatch.app.ingest import Decoder
from kilowatch.app.partition import PartitionJudge
from kilowatch.lab.bench.pipeline import every, peers, scale
from kilowatch.lab.bench.pipeline.goals import GoalRow, at_least, at_most, printed
from kilowatch.lab.bench.pipeline.loads import Bench, lag_rows, sustained
from kilowatch.lab.bench.pipeline.meters import FAULT_W, PATTERNS, Meters, message, seen_w, site_of, time_of
from kilowatch.lab.bench.pipeline.peers import rows as peer_rows
from kilowatch.lab.bench.pipeline.plain import Plain
from kilowatch.lab.bench.pipeline.producer import Flow
from kilowatch.lab.bench.pipeline.run import Load
from kilowatch.lab.bench.pipeline.seasoned import experienced, seasoned, subject
from kilowatch.lab.bench.pipeline.takeover import caught_up
from kilowatch.lab.bench.pipeline.watching import Sample, latencies_ms
from kilowatch.links.kafka.topics import partition_of

if TYPE_CHECKING:
    from pathlib import Path

METERS = 600


class Nobody:
    def record(self, site: str, device: str, version: int = 0) -> None:
        del site, device, version


def test_every_meter_lies_in_the_partition_of_its_site() -> None:
    meters = Meters(1000, 12)
    assert sorted(number for numbers in meters.by_partition for number in numbers) == list(range(1000))
    for partition, numbers in enumerate(meters.by_partition):
        assert {partition_of(site_of(number), 12) for number in numbers} == {partition}


def test_messages_are_of_the_contract() -> None:
    decoded = Decoder(subject([7]).pipeline.fleet).decode([message(site_of(7), 3, 412.34)])
    assert not decoded.refused
    assert not decoded.unknown
    assert (decoded.batch.slot.tolist(), decoded.batch.power_w.tolist()) == ([0], [412.3])
    assert decoded.batch.ts_ms.tolist() == [time_of(3)]


def test_preloaded_meters_are_at_work_and_only_broken_ones_alarm() -> None:
    saved, made = seasoned(experienced(), range(METERS)).save(), subject()
    made.load(saved)
    judge = PartitionJudge(made, Nobody(), 0, 0)
    for step in range(4):
        watts = [FAULT_W if slot % 100 == 0 and step > 1 else seen_w(step)[slot % PATTERNS] for slot in range(METERS)]
        said = [message(site_of(slot), step, power_w) for slot, power_w in enumerate(watts)]
        judge.take(range(judge.next_offset, judge.next_offset + METERS), said)
    assert judge.counts.kept == 4 * METERS
    assert {event.site for event in judge.events} == {site_of(slot) for slot in range(0, METERS, 100)}
    assert made.pipeline.grid.count[:METERS].min() > 200


def test_plain_python_opens_an_incident_once() -> None:
    plain = Plain()
    for step in range(60):
        plain.take(message("a", step, seen_w(step)[0]))
        plain.take(message("b", step, FAULT_W if step > 50 else seen_w(step)[1]))
    assert plain.incidents == 1


def test_latency_counts_from_the_append_to_the_first_arrival() -> None:
    appended = [("a", 10, 1000), ("a", 20, 1500), ("b", 10, 1100)]
    seen = [("a", 10, 1040), ("a", 10, 1090), ("b", 10, 1300), ("c", 10, 1)]
    assert sorted(latencies_ms(appended, seen).tolist()) == [40, 200]


@pytest.mark.parametrize(("row", "met"), [(at_most("x", 2.0, "s", 2.0), True), (at_most("x", 2.1, "s", 2.0), False)])
def test_goals_at_most(row: GoalRow, met: bool) -> None:
    assert row.met is met


def test_what_is_not_known_has_missed_its_goal() -> None:
    assert at_most("x", None, "s", 2.0).met is False
    assert at_least("x", None, "s", 2.0).met is False
    assert b"met" not in msgspec.json.encode(printed("x", 1.0, "s"))


def run_of(lags: list[int]) -> Any:
    samples = [Sample(float(at_s), 100_000, 100_000 - lag) for at_s, lag in enumerate(lags)]
    return SimpleNamespace(samples=samples, load=Load(1000, 1000.0, 30.0), seconds=30.0)


def test_only_what_was_judged_once_all_had_joined_is_their_rate() -> None:
    run = run_of([0, 0, 1000, 900, 0])
    assert scale.rate_since(run, 2.0) == 500.0
    assert scale.rate_since(run, 3.5) is None


@pytest.mark.parametrize(("lags", "rises"), [([500, 400] * 10, False), (list(range(0, 20_000, 1000)), True)])
def test_lag_must_not_rise(lags: list[int], rises: bool) -> None:
    end, rise = lag_rows(run_of(lags))
    assert end.value == lags[-1]
    assert rise.met is not rises


def test_a_takeover_lasts_until_no_more_wait_than_before() -> None:
    lags = [300, 400, 300, 2000, 5000, 4000, 1200, 400]
    assert caught_up(run_of(lags), 2.0) == 4.0
    assert caught_up(run_of([300, 400, 2000, 5000, 9000]), 2.0) is None


def test_peers_are_measured_in_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "HOME", tmp_path)
    rows = peer_rows(Bench(0.0, METERS, None, lambda _: None))
    figures = {row.name: row.value or 0.0 for row in rows}
    assert figures["peers_kilowatch_us"] > 0
    assert figures["peers_plain_python_us"] > 0
    assert next(row.name for row in rows if row.goal) == "peers_plain_python_over_kilowatch"
    assert "python scripts/peers.py quix" in rows[-1].note


def test_a_name_stands_once_and_with_its_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    load = Load(1000, 33.0, 30.0)
    parts = dict.fromkeys(("worker", "producer", "broker"), 1.0)
    run = SimpleNamespace(
        **vars(run_of([0, 0])) | {"load": load},
        readings=990,
        latency_ms=np.array([5]),
        cpu_s=parts,
        memory=[],
        flow=Flow(),
        lost=0,
    )
    monkeypatch.setattr(Bench, "measured", lambda *_: run)
    rows = every.rows(Bench(0.5, 1000, None, lambda _: None, model="model.onnx"))
    names = [row.name for row in rows]
    assert len(names) == len(set(names))
    assert {row.name for row in rows if row.goal} >= {"every_readings_per_s", "network_readings_per_s"}


@pytest.mark.kafka
def test_a_tiny_run_prints_every_row_and_loses_nothing(tmp_path: Path) -> None:
    bench = Bench(0.25, 2_400, None, lambda _: None, rate_share=1.0, keep=tmp_path)
    figures = {row.name: row.value or 0.0 for row in sustained(bench)}
    assert figures["sustained_not_judged"] == 0
    assert figures["sustained_outcomes"] > 0
    assert figures["p99_ms"] > 0
    assert figures["sustained_cpu_us_worker"] > 0
    assert "Traceback" not in "".join(path.read_text() for path in tmp_path.glob("*.log"))


@pytest.mark.soak
@pytest.mark.kafka
def test_a_group_that_doubles_twice_under_load_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "_LEAST_S", 15.0)
    figures = {row.name: row.value for row in scale.rows(Bench(0.1, 2_400, None, lambda _: None))}
    assert [figures[f"scale_{count}_not_judged"] for count in scale.PROCESSES] == [0, 0, 0]
    assert all((figures[f"scale_{count}_readings_per_s"] or 0) > 0 for count in scale.PROCESSES)
    assert all(0 < (figures[f"scale_{count}_rebalance_s"] or 0) < 60 for count in (2, 4))
