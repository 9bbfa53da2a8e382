"""The home of `bench edge-run`: twenty appliances on simulated plugs, what they have learnt, and the settings."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.app.arming import arm
from kilowatch.app.edge.build import EdgeSettings, build_edge
from kilowatch.app.pipeline import PipelineSettings
from kilowatch.app.snapshot_files import SnapshotFiles
from kilowatch.app.stores import DataFolder
from kilowatch.core.device import DeviceRecord, Stage
from kilowatch.core.events import ActionState
from kilowatch.core.learning import LearningPlan
from kilowatch.core.reading import ReadingBatch
from kilowatch.detectors.registry import create
from kilowatch.errors import MissingExtraError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.links.wall import wall_ms
from kilowatch.sim import household
from kilowatch.sim.faults import Fault, FaultSpec
from kilowatch.sim.home import MAINS, Home
from kilowatch.sim.plugs import Outlet, PlugHost, SimClock
from kilowatch.sim.plugs.mqtt import publish_steadily, topic_name
from kilowatch.sim.plugs.shelly2 import Shelly2Plug

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from kilowatch.sim.appliance import Appliance

SITE, DETECTOR = "home", "fleet"
INTERVAL_S = 1.0
LEARNT_DAYS, DAY_MS = 4, 86_400_000
_RATINGS, _PHANTOM_W = 3.0, 40.0
"""What is armed draws three times its rating more, whatever it does: far over its band, and still under the four
times over which a reading is taken for a meter's error and refused. The fault's own strength counts in 40 W."""
CURES_S = 900.0
"""A fault that is not switched off by then counts as missed: on a grid of 30 s it takes minutes to be critical."""
_PASSWORD = "simulated"  # noqa: S105 - of plugs on loopback
_SCREENS = tuple(replace(household.TV, name=f"tv{number}", rating_w=300) for number in range(1, 11))
"""With a rating that leaves room for a fault which is far over the band also in an evening before the screen."""
APPLIANCES: tuple[Appliance, ...] = (
    *(household.FRIDGE, household.FREEZER, household.ROUTER, household.KETTLE, household.HEATER, household.WASHER),
    *(household.WATER_HEATER, household.COMPUTER, household.COFFEE, household.MICROWAVE),
    *_SCREENS,
)
FAULTED = tuple(one.name for one in _SCREENS)
"""Armed, and made to go wrong."""
_RATED_W = {one.name: float(one.rating_w) for one in APPLIANCES}


class Plugs:
    """Twenty plugs that listen, and over MQTT publish, while the block runs. broker: None where they are polled."""

    def __init__(self, broker: Any | None) -> None:
        now_ms = wall_ms()
        self.home = Home(5, (now_ms - LEARNT_DAYS * DAY_MS) // DAY_MS * DAY_MS, "UTC", SITE, 30.0, APPLIANCES)
        clock = SimClock(now_ms)
        password = None if broker is not None else _PASSWORD
        outlets = [Outlet(self.home, device, clock) for device in self.home.kinds if device != MAINS]
        self.plugs = [Shelly2Plug(outlet, password) for outlet in outlets]
        self.clock, self.broker = clock, broker
        self._host = PlugHost(self.plugs)
        self._sender: Any = None
        self._stop = threading.Event()
        self.database: Database | None = None

    def __enter__(self) -> Plugs:
        self._host.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # First the host: what it runs publishes through the sender.
        self._host.stop()
        if self._sender is not None:
            self._sender.disconnect()
            self._sender.loop_stop()
        if self.database is not None:
            self.database.close()

    def begin(self) -> None:
        """Publish what the meters show once a second, where there is a broker."""
        if self.broker is not None:
            self._sender = _client(self.broker)
            send = self._sender.publish
            self._host.spawn(publish_steadily(self.plugs, INTERVAL_S, lambda topic, payload: send(topic, payload, 1)))

    def name_of(self, plug: Shelly2Plug) -> str:
        """Return the device's name: over MQTT a plug goes by its own."""
        return plug.outlet.device if self.broker is None else topic_name(plug)

    @property
    def secrets(self) -> dict[str, str]:
        """Return what the environment must hold."""
        if self.broker is not None:
            return {"KILOWATCH_SOURCES__MQTT__HOME__PASSWORD": self.broker.password}
        return {f"KILOWATCH_DEVICES__{plug.outlet.device.upper()}__PASSWORD": _PASSWORD for plug in self.plugs}

    def records(self) -> list[DeviceRecord]:
        """Return the devices with their plugs, watched."""
        found = {record.device: record for record in self.home.records()}
        return [
            msgspec.structs.replace(
                found[plug.outlet.device],
                device=self.name_of(plug),
                plug=plug.address,
                interval_s=INTERVAL_S,
                stage=Stage.WATCHING,
                source="bench",
            )
            for plug in self.plugs
        ]

    def break_down(self) -> None:
        """Let everything that is armed go wrong now."""
        for plug in self._faulted():
            strength = _RATINGS * _RATED_W[plug.outlet.device] / _PHANTOM_W
            fault = FaultSpec(Fault.PHANTOM_LOAD, plug.outlet.device, self.clock.now_ms(), strength=strength)
            # In the plugs' own thread, which reads the faults meanwhile.
            self._host.call(lambda plug=plug, fault=fault: setattr(plug.outlet, "faults", [fault]))  # type: ignore[misc]

    def offs_s(self) -> list[float]:
        """Return for each off so far the seconds from the last odd sample of its decision to the plug's own log."""
        decided = self._decided()
        taken = []
        for plug in self._faulted():
            # A copy: the plugs' thread appends to it.
            told = [seen.sim_ms for seen in list(plug.seen) if seen.switched is False]
            last_ms = decided.get(self.name_of(plug))
            if told and last_ms is not None:
                taken.append((told[0] - last_ms) / 1000)
        return taken

    def _decided(self) -> dict[str, int]:
        """Return when the sample ended that a switch-off rests on, ms UTC, by device."""
        if self.database is None:
            return {}
        with self.database.read() as transaction:
            lines = transaction.audit.last(1000)
        claimed = (line for line in lines if line.what == ActionState.CLAIMED)
        return {line.device: line.window_to_ms for line in claimed if line.window_to_ms is not None}

    def _faulted(self) -> list[Shelly2Plug]:
        return [plug for plug in self.plugs if plug.outlet.device in FAULTED]


def learnt_into(folder: Path, plugs: Plugs) -> None:
    """Live through the days before now in a folder, and arm what will go wrong."""
    data = DataFolder(folder / "data")
    # A day less than is lived through: learning is over when the run begins.
    settings = EdgeSettings(pipeline=PipelineSettings(plan=LearningPlan(learning_days=float(LEARNT_DAYS - 1))))
    names = {plug.outlet.device: plugs.name_of(plug) for plug in plugs.plugs}
    with closing(build_edge(data, create(DETECTOR), wall_ms, settings)) as built:
        pipeline = built.parts.subject.pipeline
        for record in plugs.records():
            pipeline.revise(record)
        slots = [pipeline.fleet.slot(SITE, names[device]) or 0 for device in names]
        for day_ms in range(plugs.home.start_ms, plugs.clock.now_ms(), DAY_MS):
            pipeline.step(_day(plugs, list(names), slots, day_ms))
        built.parts.asking.taken()
        SnapshotFiles(data.snapshots).write(0, built.parts.subject.save())
        built.parts.registry.discover(plugs.records(), wall_ms())
        for device in FAULTED:
            arm(built.parts.registry, SITE, names[device], "bench", wall_ms())
    plugs.database = Database(DatabaseSettings(f"sqlite:///{data.database}"))


def _day(plugs: Plugs, devices: list[str], slots: list[int], from_ms: int) -> ReadingBatch:
    """Return a day of every plug, a reading each 30 s: what the meters of a grid of 30 s would have said."""
    ts_ms = np.arange(from_ms, min(from_ms + DAY_MS, plugs.clock.now_ms()), 30_000, dtype=np.int64)
    power_w = [np.round(plugs.home.power_at(device, ts_ms), 1) for device in devices]
    slot = np.repeat(np.array(slots, dtype=np.int32), len(ts_ms))
    batch = ReadingBatch(slot, np.tile(ts_ms, len(devices)), np.concatenate(power_w))
    return batch.take(np.argsort(batch.ts_ms, kind="stable"))


def settings_of(folder: Path, plugs: Plugs) -> str:
    """Return the settings of a person with these plugs; nothing but the limits of policy is other than usual."""
    lines = [
        f'[data]\nfolder = "{folder / "data"}"',
        f'[detector]\nname = "{DETECTOR}"\nlearning_days = {LEARNT_DAYS - 1}',
        # By default a site gets two actions an hour, and all that is armed goes wrong within one.
        f"[policy]\ndry_run = false\nsite_actions_per_hour = {len(FAULTED)}",
        "[web]\nenabled = false",
    ]
    if plugs.broker is None:
        lines.append(f"[sources.poll]\ninterval_s = {INTERVAL_S:g}")
    else:
        broker = plugs.broker
        lines.append(
            f'[sources.mqtt.home]\nhost = "{broker.host}"\nport = {broker.port}\nusername = "{broker.user}"\n'
            'vendors = ["shelly2"]'
        )
    return "\n".join([*lines, *(_device(plugs, plug) for plug in plugs.plugs)]) + "\n"


def _device(plugs: Plugs, plug: Shelly2Plug) -> str:
    kind, polls = plugs.home.kinds[plug.outlet.device].value, str(plugs.broker is None).lower()
    return (
        f'[devices."{plugs.name_of(plug)}"]\nkind = "{kind}"\nplug = "{plug.address}"\npoll = {polls}\n'
        f"interval_s = {INTERVAL_S:g}"
    )


def _client(broker: Any) -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as error:
        raise MissingExtraError("paho-mqtt", "mqtt") from error
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench-plugs")
    client.username_pw_set(broker.user, broker.password)
    client.connect(broker.host, broker.port)
    client.loop_start()
    return client
