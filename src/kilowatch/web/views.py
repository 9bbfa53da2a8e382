"""What page and API show, as structs: the page draws them, the API sends them as JSON under the same names."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.core.device import ActsBy, DeviceRecord, Kind, Stage
from kilowatch.core.events import ActionEvent, ActionState, IncidentEvent, Severity
from kilowatch.core.outputs_models import ModelFacts
from kilowatch.core.records import AuditEntry, JobState, KnownIncident, LabelEntry, ModelChoice
from kilowatch.core.usage import DeviceDay

Millis = Annotated[int, Meta(description="ms UTC")]
Share = Annotated[float, Meta(ge=0, le=1)]


class LiveDevice(msgspec.Struct, frozen=True, kw_only=True):
    """How a device stands at this moment.

    power_w, power_ms: its newest reading · score, low_w, high_w, sample_ms: its newest judged sample; score 1.0 is
    the edge of expected · threshold: what a raw score is divided by · learning_share: 1.0 once it is watched.
    """

    site: str
    device: str
    power_w: float | None = None
    power_ms: Millis | None = None
    is_on: bool | None = None
    sample_ms: Millis | None = None
    score: float | None = None
    low_w: float | None = None
    high_w: float | None = None
    threshold: float | None = None
    learning_share: Share = 0.0
    is_silent: bool = False


class OpenIncident(msgspec.Struct, frozen=True, kw_only=True):
    """What is odd about a device now, in short."""

    id: str
    severity: Severity
    first_ms: Millis
    sentence: str


class DeviceCard(msgspec.Struct, frozen=True, kw_only=True):
    """A device as the overview shows it. is_armed: it may be switched off; never where it is protected."""

    live: LiveDevice
    site: str
    device: str
    kind: Kind
    stage: Stage
    is_armed: bool
    is_protected: bool
    acts_by: ActsBy
    plug: str | None
    muted_until_ms: Millis | None
    incident: OpenIncident | None
    today: DeviceDay | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The whole house. power_w, energy and cost: of a site's meters where it has any, else of all; W of none silent."""

    power_w: float
    devices: int
    silent: int
    learning: int
    open_incidents: int
    energy_today_wh: float | None
    cost_today: float | None
    currency: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Every device and the sum of them. armed, protected: site/device of each, to be always in sight."""

    now_ms: Millis
    is_dry_run: bool
    totals: Totals
    armed: list[str]
    protected: list[str]
    devices: list[DeviceCard]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch during which a device was on."""

    from_ms: Millis
    to_ms: Millis
    energy_wh: float


class HistoryView(msgspec.Struct, frozen=True, kw_only=True):
    """A device's past as columns of equal length: buckets of step_ms that keep the least and the most power.

    start_ms: where each bucket begins; there is none where nothing was heard. score: the highest in the bucket.
    """

    site: str
    device: str
    from_ms: Millis
    to_ms: Millis
    step_ms: int
    start_ms: list[int]
    min_w: list[float]
    mean_w: list[float]
    max_w: list[float]
    score: list[float | None]
    low_w: list[float | None]
    high_w: list[float | None]
    runs: list[Run]


class DevicePage(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one device but its history. edited: fields of the record that a person decided.

    model: SHA-256 of the network that judges it, None where none does · why_not_armed: what stands against arming.
    """

    card: DeviceCard
    record: DeviceRecord
    edited: list[str]
    first_seen_ms: Millis
    threshold_words: str
    model: str | None
    why_not_armed: str | None
    incidents: list[KnownIncident]


class IncidentCard(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as the timeline shows it. action: how far switching off has come, None where nothing was switched."""

    incident: KnownIncident
    action: ActionState | None


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """An incident with all that was decided and done about it, oldest first, and the device's power around it."""

    incident: KnownIncident
    audit: list[AuditEntry]
    actions: list[ActionEvent]
    labels: list[LabelEntry]
    window: HistoryView


class ModelsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Which models judge which kinds, by SHA-256, and which there are in this process's folder of models."""

    choices: list[ModelChoice]
    models: list[ModelFacts]


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job and how far it has come; wish and result as the kind of job has them.

    result: of one that runs {"share": 0.4}, where it tells; of one that failed {"error": ..., "hint": ...}.
    """

    id: int
    kind: str
    state: JobState
    who: str
    asked_ms: Millis
    wish: msgspec.Raw
    result: msgspec.Raw | None


class JobAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A job was written down; ask for it by its id."""

    job: int


class Jobs(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first."""

    jobs: list[JobView]


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents, newest first."""

    incidents: list[IncidentCard]


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who the caller is, and what they may do."""

    name: str
    role: str
    may: list[str]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is new since a mark: devices whose readings or samples moved, and incident events in order.

    mark: to ask with the next time. is_whole: False where events were lost because too much had happened since.
    """

    mark: int
    devices: list[LiveDevice]
    events: list[IncidentEvent]
    is_whole: bool = True
