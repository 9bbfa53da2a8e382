"""What page and API ask of the process that they live in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.device import DeviceRecord, Kind
    from kilowatch.core.events import IncidentEvent, LabelWord
    from kilowatch.core.jobs import RehearseWish
    from kilowatch.core.judged import Judged
    from kilowatch.core.reading import ReadingBatch
    from kilowatch.core.records import DeviceEdit, LabelEntry, ModelChoice
    from kilowatch.core.segments import Segments
    from kilowatch.core.usage import DeviceDay
    from kilowatch.web.views import Changes, LiveDevice


@dataclass(frozen=True, slots=True)
class RecentPoints:
    """The newest samples of a device, oldest first.

    ts_ms int64[n] UTC · power_w, score, low_w, high_w float32[n], NaN where unknown.
    """

    ts_ms: NDArray[np.int64]
    power_w: NDArray[np.float32]
    score: NDArray[np.float32]
    low_w: NDArray[np.float32]
    high_w: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ts_ms)


class Live(Protocol):
    """Readings and verdicts as they come; every call is cheap and may be made from any thread."""

    def of(self, site: str, device: str) -> LiveDevice:
        """Return how a device stands; all None where nothing was heard of it."""

    def all(self) -> Mapping[tuple[str, str], LiveDevice]:
        """Return how every device stands that was heard of."""

    def recent(self, site: str, device: str, from_ms: int = 0) -> RecentPoints:
        """Return a device's newest samples with ts_ms >= from_ms, a few hours of them at most."""

    def changes(self, since: int) -> Changes:
        """Return what is new since a mark that an earlier call gave; since -1: nothing but the present mark."""

    def threshold_words(self, site: str, device: str) -> str:
        """Say what a device's threshold rests on; empty where it has none."""


class Usage(Protocol):
    """What devices used today."""

    def today(self) -> Sequence[DeviceDay]:
        """Return the current local day of every device."""


class Words(Protocol):
    """People's words, by the same ways as those of the command line. who: the person.

    `ConfigError`, with what to do first, where a word makes no sense for the device or incident as it is.
    """

    def arm(self, site: str, device: str, who: str) -> DeviceRecord:
        """Allow kilowatch to switch a device off."""

    def disarm(self, site: str, device: str, who: str) -> DeviceRecord:
        """Forbid switching a device off."""

    def protect(self, site: str, device: str, who: str, *, protected: bool) -> DeviceRecord:
        """Protect a device for good, or take that away."""

    def mute(self, site: str, device: str, until_ms: int, who: str) -> DeviceRecord:
        """Be silent about a device until a time, ms UTC; 0 ends it."""

    def edit(self, site: str, device: str, wish: DeviceEdit, who: str) -> DeviceRecord:
        """Change what a person wants changed."""

    def switch(self, site: str, device: str, who: str, *, on: bool) -> int:
        """Ask for a device to be switched, and return the job that says what came of it."""

    def label(self, incident: str, word: LabelWord, who: str) -> LabelEntry:
        """Say what an incident was."""

    def take_back(self, incident: str, who: str) -> LabelEntry:
        """Undo a person's word on an incident."""

    def acknowledge(self, incident: str, who: str) -> None:
        """Say that an incident is seen."""

    def rehearse(self, wish: RehearseWish, who: str) -> int:
        """Ask what would have happened at several sensitivities, and return the job that will tell."""

    def give_up(self, job: int, who: str) -> None:
        """End a rehearsal that waits or runs."""

    def choose_model(self, kind: Kind, live: str | None, shadow: str | None, who: str) -> ModelChoice:
        """Set which models, by SHA-256, judge a kind."""

    def roll_back_model(self, kind: Kind, who: str) -> ModelChoice:
        """Make the model live again that judged a kind before."""

    def why_not_armed(self, record: DeviceRecord) -> str | None:
        """Return what stands against arming a device, None where nothing does."""


class CleanPart(Protocol):
    """Of `kilowatch.core.clean.CleanBatch`, what is shown."""

    @property
    def readings(self) -> ReadingBatch:
        """Readings, sorted by device."""

    @property
    def segments(self) -> Segments:
        """Where each device's readings are."""


class Step(Protocol):
    """Of `kilowatch.app.pipeline.StepResult`, what is shown."""

    @property
    def clean(self) -> CleanPart:
        """Readings as they were kept."""

    @property
    def judged(self) -> Sequence[Judged]:
        """Samples with their verdicts."""

    @property
    def events(self) -> Sequence[IncidentEvent]:
        """What happened to incidents."""
