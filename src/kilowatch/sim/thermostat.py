"""Loads behind a thermostat: fridge, freezer, water heater."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, inf, log
from typing import TYPE_CHECKING

from kilowatch.sim.condition import HEALTHY, Condition, Part, Timeline
from kilowatch.sim.habits import FLAT, hours_drawn
from kilowatch.sim.load import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from kilowatch.core.device import Kind
    from kilowatch.sim.days import LocalDay
    from kilowatch.sim.noise import Streams

_MIN_MS = 60_000.0
_INRUSH_MS = 1_000
_INRUSH_TAU_MS = 300.0
_AMBIENT_BY_QUARTER = (-0.03, 0.0, 0.03, 0.01)
_BUSY_SPREAD = 0.25
_JITTER = 0.03
_JITTERS_A_DAY = 1_024


@dataclass(frozen=True, slots=True)
class ThermostaticLoad:
    """A first-order thermal store between two switching points, after Ihara & Schweppe (1981).

    x is how far the store has drifted, in widths of the band: power goes on at 1 and off at 0. Left alone, x
    tends to `ambient`, which differs by `day_spread` from day to day; `off_min` and `on_min` are the undisturbed
    pause and run. `disturbances` a day (doors, taps), more at some `hours`, push x up by `push` on average.
    """

    name: str
    kind: Kind
    rating_w: float
    part: Part
    on_w: float
    off_min: float
    on_min: float
    ambient: float
    disturbances: float
    push: float
    day_spread: float = 0.04
    hours: tuple[float, ...] = FLAT
    surge_w: float = 0.0
    surge_tau_min: float = 1.0
    inrush_w: float = 0.0
    ripple_w: float = 0.5
    standby_w: float = 0.0
    metered: bool = True

    @property
    def left_on(self) -> Step:
        """Its steady draw."""
        return Step(0, self.on_w, ripple_w=self.ripple_w)

    @property
    def tau_min(self) -> float:
        """The time constant that makes an undisturbed pause last off_min."""
        return self.off_min / log(self.ambient / (self.ambient - 1))

    @property
    def drive(self) -> float:
        """How fast power moves x down, per minute, so that an undisturbed run lasts on_min."""
        return (self.ambient + 1 / (exp(self.on_min / self.tau_min) - 1)) / self.tau_min

    def live(self, days: Iterable[LocalDay], timeline: Timeline, streams: Streams) -> Iterator[list[Step]]:
        """Yield each day's switching; the store's state runs on through midnight."""
        store: _Store | None = None
        for day in days:
            rng = streams.generator(self.name, day.number)
            if store is None:
                store = _Store(self, float(day.start_ms), x=float(rng.random()))
                store.steps.append(Step(day.start_ms, self.standby_w))
            # A fixed number, drawn first: how often it switches must not move the chances that follow.
            store.jitter = (_JITTER * rng.standard_normal(_JITTERS_A_DAY)).tolist()
            self._live_through(day, store, timeline, rng)
            yield store.steps
            store.steps = []

    def _live_through(self, day: LocalDay, store: _Store, timeline: Timeline, rng: np.random.Generator) -> None:
        warmth = 1 + self.day_spread * float(rng.standard_normal())
        pushes = self._pushes(day, rng)
        changes: list[tuple[int, float, float | None]] = [(ms, size, None) for ms, size in pushes]
        quarters = day.utc_ms((0.0, 6.0, 12.0, 18.0)).tolist()
        changes += [(ms, 0.0, self.ambient * (warmth + w)) for ms, w in zip(quarters, _AMBIENT_BY_QUARTER, strict=True)]
        # A fault or the plug works at its own time, not only at the next door or tap.
        changes += [(ms, 0.0, None) for ms in timeline.edges(day.start_ms, day.end_ms)]
        # By time alone: a None beside a number could not be compared.
        for at_ms, push, ambient in sorted(changes, key=lambda change: change[0]):
            store.run_to(at_ms)
            store.change(push, ambient, timeline.at(at_ms))
        store.run_to(day.end_ms)

    def _pushes(self, day: LocalDay, rng: np.random.Generator) -> list[tuple[int, float]]:
        count = int(rng.poisson(self.disturbances * rng.lognormal(0.0, _BUSY_SPREAD)))
        times = day.utc_ms(hours_drawn(rng, count, self.hours))
        return list(zip(times.tolist(), rng.exponential(self.push, count).tolist(), strict=True))


@dataclass(slots=True)
class _Store:
    """The thermal store as it stands at now_ms, and the steps it has made today."""

    load: ThermostaticLoad
    now_ms: float
    x: float
    on: bool = False
    ambient: float = 0.0
    condition: Condition = HEALTHY
    steps: list[Step] = field(default_factory=list)
    jitter: list[float] = field(default_factory=list)
    switched: int = 0
    per_ms: float = 0.0
    target: float = 0.0

    def run_to(self, until_ms: float) -> None:
        """Let time pass, switching where the thermostat says so."""
        while (wait_ms := self._wait_ms()) < until_ms - self.now_ms:
            self._pass(wait_ms)
            self._switch()
        self._pass(until_ms - self.now_ms)

    def change(self, push: float, ambient: float | None, condition: Condition) -> None:
        """Take a push, a new ambient or a new condition; a switch that no longer obeys acts at once."""
        self.x += push
        if ambient is not None:
            self.ambient = ambient
        changed = condition != self.condition
        self.condition = condition
        self._settle()
        wanted = (self.on or condition.stuck_on) and not condition.dead
        if wanted != self.on:
            self._switch()
        elif changed and self.on:
            self._emit_on(start_up=False)

    def _settle(self) -> None:
        tau_ms = self.load.tau_min * _MIN_MS / self.condition.gain
        heat = self.condition.heater if self.load.part is Part.HEATER else 1.0
        drive = self.load.drive / _MIN_MS * self.condition.drive * heat
        self.per_ms = 1 / tau_ms
        self.target = self.ambient - (drive * tau_ms if self.on else 0.0)

    def _limit(self) -> float:
        band = self.condition.band
        # By the count of switchings: a limit stays the same until it is reached, however often it is asked for.
        jitter = self.jitter[self.switched % _JITTERS_A_DAY]
        return 0.5 + band * ((-0.5 if self.on else 0.5) + jitter)

    def _wait_ms(self) -> float:
        if self.condition.dead or (self.on and self.condition.stuck_on):
            return inf
        limit = self._limit()
        if (self.x <= limit) if self.on else (self.x >= limit):
            return 0.0
        # x decays towards the target: only where the limit lies between the two is it ever reached.
        ratio = (self.x - self.target) / (limit - self.target) if limit != self.target else inf
        return log(ratio) / self.per_ms if 1 < ratio < inf else inf

    def _pass(self, ms: float) -> None:
        self.x = self.target + (self.x - self.target) * exp(-ms * self.per_ms)
        self.now_ms += ms

    def _switch(self) -> None:
        self.on = not self.on
        self.switched += 1
        self._settle()
        if self.on:
            self._emit_on(start_up=True)
        else:
            self.steps.append(Step(int(self.now_ms), self.load.standby_w))

    def _emit_on(self, start_up: bool) -> None:
        load, start = self.load, int(self.now_ms)
        level = load.on_w * self.condition.power(load.part)
        # The first second is a step of its own, for a step has one surge and this one is another.
        if start_up and load.inrush_w:
            self.steps.append(Step(start, level, load.inrush_w, _INRUSH_TAU_MS, load.ripple_w))
            start += _INRUSH_MS
        surge = load.surge_w if start_up else 0.0
        self.steps.append(Step(start, level, surge, load.surge_tau_min * _MIN_MS, load.ripple_w))
