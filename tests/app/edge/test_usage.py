"""Usage metrics of the edge: the same after any death, and what an incident and an action add."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from app.edge.stage import StageClock, live, messages
from app.homes import DAY_MS, HOUR_MS, START_MS, fleet, home
from kilowatch.app.edge.build import BuiltEdge, EdgeSettings, Ground, build_edge
from kilowatch.app.edge.edge import EdgeTempo
from kilowatch.app.edge.metrics import EdgeMetrics
from kilowatch.app.edge.tell import TellLog
from kilowatch.app.edge.usage import EdgeUsage, HeardActions
from kilowatch.app.metrics.collector import MetricsOptions, UsageCollector
from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.stores import DataFolder
from kilowatch.core.device import ActsBy
from kilowatch.core.events import WIRE_V, ActionEvent, ActionState, Want
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.core.tariff import Tariff
from kilowatch.detectors.registry import create
from kilowatch.links.database import DatabaseSettings
from kilowatch.observability import Metrics

if TYPE_CHECKING:
    from pathlib import Path

ACTION = ActionEvent(
    v=WIRE_V,
    id="0123456789abcdef",
    version=1,
    site="home",
    device="heater",
    state=ActionState.CONFIRMED,
    want=Want.SWITCH_OFF,
    acts_by=ActsBy.EDGE,
    attempt=1,
    ts_ms=START_MS,
    wall_ms=START_MS,
    why="left on",
)


@pytest.fixture(scope="module")
def story() -> list[tuple[int, bytes]]:
    calm = home(2.4)
    odd = (calm.slot == 0) & (calm.ts_ms >= START_MS + 2 * DAY_MS) & (calm.ts_ms < START_MS + 2 * DAY_MS + 3 * HOUR_MS)
    return messages(ReadingBatch(calm.slot, calm.ts_ms, np.where(odd, calm.power_w * 4, calm.power_w)), 60 * 60_000)


class Watched:
    """An edge with usage metrics, and what a scrape would show."""

    def __init__(self, folder: Path, clock: StageClock) -> None:
        self.metrics, self.actions, watch = Metrics(), HeardActions(TellLog()), None
        settings = EdgeSettings(
            pipeline=PipelineSettings(plan=LearningPlan(learning_days=1.5)),
            database=DatabaseSettings(f"sqlite:///{folder / 'kilowatch.db'}", survives_power_cut=False),
            tempo=EdgeTempo(wait_s=0.0, words_s=0.0),
        )
        watch = EdgeMetrics(self.metrics)
        self.built: BuiltEdge = build_edge(
            DataFolder(folder), create("hour_of_day"), clock, settings, None, (watch,), partial(self._taps)
        )
        watch.watch(self.built)
        for record in fleet().records:
            self.built.parts.registry.meet([record], START_MS)
        self.built.edge.open()

    def _taps(self, ground: Ground) -> tuple[EdgeUsage]:
        usage = EdgeUsage(ground.database, ground.log, ground.world, Tariff.flat(0.3), self.actions, save_every_s=1e9)
        self.metrics.registry.register(UsageCollector(usage.service, "EUR", MetricsOptions(each_device=True)))
        return (usage,)

    def shown(self) -> dict[tuple[str, str], float]:
        """Every counter of usage by name and labels."""
        samples = [one for family in self.metrics.registry.collect() for one in family.samples]
        names = ("_energy_joules_total", "kilowatch_readings_total", "kilowatch_incidents_total", "alarms_total")
        wanted = [one for one in samples if one.name.endswith(names) or one.name == "kilowatch_actions_total"]
        return {(one.name, str(sorted(one.labels.items()))): one.value for one in wanted}


def test_a_death_at_any_time_adds_and_loses_nothing(story: list[tuple[int, bytes]], tmp_path: Path) -> None:
    (tmp_path / "through").mkdir()
    clock = StageClock()
    whole = Watched(tmp_path / "through", clock)
    live(whole.built, clock, story, 3)
    wanted = whole.shown()
    whole.built.close()
    assert wanted["kilowatch_device_energy_joules_total", "[('device', 'meter'), ('site', 'home')]"] > 0
    assert any(name == "kilowatch_incidents_total" for name, _ in wanted)

    folder, clock, begin = tmp_path / "cut", StageClock(), 0
    folder.mkdir()
    for share in (0.3, 0.6, 0.9, 0.96, 1.0):
        edge = Watched(folder, clock)
        end = round(share * len(story))
        live(edge.built, clock, story[begin:end], 3)
        if share in (0.6, 0.9):
            edge.built.edge.save()
        begin, shown = end, edge.shown()
        edge.built.parts.log.close()
        edge.built.parts.history.close()
        edge.built.parts.database.close()
    assert shown == wanted


def test_actions_and_the_edge_itself_are_shown(story: list[tuple[int, bytes]], tmp_path: Path) -> None:
    clock = StageClock()
    edge = Watched(tmp_path, clock)
    live(edge.built, clock, story[:4])
    edge.actions.action(ACTION)
    edge.actions.action(msgspec.structs.replace(ACTION, version=2, state=ActionState.UNCONFIRMED))
    live(edge.built, clock, story[4:8])
    value = edge.metrics.registry.get_sample_value
    assert value("kilowatch_actions_total", {"want": "switch_off", "state": "confirmed"}) == 1
    assert value("kilowatch_actions_total", {"want": "switch_off", "state": "unconfirmed"}) == 1
    assert (value("kilowatch_scored_samples_total") or 0) > 0
    assert value("kilowatch_devices_drifting") == 0
    before = value("kilowatch_checkpoint_timestamp_seconds", {"service": "edge"}) or 0.0
    edge.built.edge.save()
    assert (value("kilowatch_checkpoint_timestamp_seconds", {"service": "edge"}) or 0.0) > before
    edge.built.close()
