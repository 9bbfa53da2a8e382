"""Loads that people start and that run a programme: one phase for a kettle, twenty for a washer."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.sim.condition import Part, Timeline
from kilowatch.sim.faults import Fault
from kilowatch.sim.habits import Habit, Use
from kilowatch.sim.load import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from kilowatch.core.device import Kind
    from kilowatch.sim.days import LocalDay
    from kilowatch.sim.noise import Streams

_MIN_MS = 60_000.0
_NIGHT_H = 3.0
_PAUSE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a programme at one level; its length is log-normal around `minutes`.

    The level differs from run to run by `watts_spread`: 1 % as the mains voltage goes (tracebase
    dishwasher_dev_b81d04 heats at 2,050-2,105 W), more for a drum's load or a screen's brightness.
    """

    part: Part
    watts: float
    minutes: float
    spread: float = 0.03
    longest_min: float = inf
    ripple_w: float = 0.0
    swing_w: float = 0.0
    surge_w: float = 0.0
    tau_min: float = 1.0
    rest_w: float = 0.0
    watts_spread: float = 0.01

    def lasts_ms(self, z: float) -> float:
        """Return the length of a phase that is z standard deviations longer than usual."""
        return min(self.minutes * exp(self.spread * z), self.longest_min) * _MIN_MS

    def step(self, start_ms: int, power: float) -> Step:
        """Return the phase's step, its power scaled."""
        return Step(
            start_ms,
            self.watts * power,
            self.surge_w * power,
            self.tau_min * _MIN_MS,
            self.ripple_w,
            self.swing_w,
            self.rest_w * power,
        )


@dataclass(frozen=True, slots=True)
class ProgrammeLoad:
    """An appliance that draws `standby_w` until somebody starts its programme.

    How long the main phase (`paced`, an index) lasts is the use's own choice; the rest is the programme's.
    """

    name: str
    kind: Kind
    rating_w: float
    phases: tuple[Phase, ...]
    habit: Habit
    standby_w: float = 0.0
    standby_ripple_w: float = 0.0
    paced: int = -1
    metered: bool = True

    @property
    def left_on(self) -> Step:
        """The last phase, without its surge."""
        return self.phases[-1].step(0, 1.0)._replace(surge_w=0.0)

    def live(self, days: Iterable[LocalDay], timeline: Timeline, streams: Streams) -> Iterator[list[Step]]:
        """Yield each day's runs; a use while the last one runs does not happen."""
        busy_ms = 0
        for number, day in enumerate(days):
            steps = [] if number else [self._standby(day.start_ms)]
            rng = streams.generator(f"{self.name}/run", day.number)
            for use in self._uses(day, timeline, streams):
                # Drawn also for a use that does not happen, so that those after it keep their chances.
                chance = np.clip(rng.standard_normal(len(self.phases) + 1), -2.5, 2.5)
                if use.start_ms >= busy_ms + _PAUSE_MS:
                    steps += self._run(use, timeline, chance)
                    busy_ms = steps[-1].start_ms
            yield steps

    def _uses(self, day: LocalDay, timeline: Timeline, streams: Streams) -> list[Use]:
        uses = self.habit.uses(day, streams)
        # From a stream of its own: the fault leaves people's habits as they are.
        late = float(streams.generator(f"{self.name}/night", day.number).random())
        night = int(day.utc_ms([_NIGHT_H + 0.5 * late])[0])
        if timeline.active(Fault.NIGHT_USE, night):
            uses.append(Use(night, 0.0))
        return sorted(uses)

    def _standby(self, start_ms: int) -> Step:
        return Step(start_ms, self.standby_w, ripple_w=self.standby_ripple_w)

    def _run(self, use: Use, timeline: Timeline, chance: NDArray[np.float64]) -> list[Step]:
        wear = timeline.at(use.start_ms)
        length_z = chance[:-1].tolist()
        length_z[self.paced] = use.length_z
        steps, now = [], float(use.start_ms)
        for phase, z in zip(self.phases, length_z, strict=True):
            power = wear.power(phase.part)
            steps.append(phase.step(int(now), power * (1 + phase.watts_spread * float(chance[-1]))))
            # A weaker element has to heat for longer to bring the same heat.
            now += phase.lasts_ms(z) * wear.stretch / (power if phase.part is Part.HEATER else 1.0)
        steps.append(self._standby(int(now)))
        return steps


@dataclass(frozen=True, slots=True)
class ContinuousLoad:
    """A load that never rests."""

    name: str
    kind: Kind
    rating_w: float
    watts: float
    ripple_w: float = 0.0
    swing_w: float = 0.0
    metered: bool = True

    @property
    def left_on(self) -> Step:
        """What it always draws."""
        return Step(0, self.watts, ripple_w=self.ripple_w, swing_w=self.swing_w)

    def live(self, days: Iterable[LocalDay], timeline: Timeline, streams: Streams) -> Iterator[list[Step]]:  # noqa: ARG002
        """Yield one step a day."""
        for day in days:
            yield [self.left_on._replace(start_ms=day.start_ms)]
