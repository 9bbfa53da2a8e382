"""What a person says of a device in the settings, and the record that follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from kilowatch.config.secret import Secret
from kilowatch.core.device import PROTECTED_KINDS, ActsBy, DeviceRecord, Kind, Reporting

if TYPE_CHECKING:
    from kilowatch.config.sections import Config


class DeviceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device. What is left out is inferred from its history."""

    kind: Annotated[Kind, Meta(description="what it is; protected where that is a fridge, unknown and the like")] = (
        Kind.UNKNOWN
    )
    plug: Annotated[
        str | None,
        Meta(description="shelly2://HOST/0 and so on, by make, or homeassistant:switch.NAME: docs/plugs.md"),
    ] = None
    username: Annotated[str | None, Meta(description="user name at the plug, where it has one")] = None
    password: Annotated[Secret | None, Meta(description="password of the plug")] = None
    password_file: Annotated[str | None, Meta(description="file that holds the password")] = None
    poll: Annotated[bool, Meta(description="ask its plug for readings; no: they come from another source")] = True
    interval_s: Annotated[float, Meta(ge=0.1, description="how often it is read, s")] | None = None
    reporting: Annotated[Reporting, Meta(description="steadily, or only when something changes")] = Reporting.PERIODIC
    heartbeat_s: Annotated[float, Meta(gt=0, description="how long a value holds without word, s")] | None = None
    rating_w: Annotated[float, Meta(gt=0, description="the most it can draw, W")] | None = None
    off_below_w: Annotated[float, Meta(ge=0, description="draws less than this when off, W")] = 2.0
    acts_by: Annotated[ActsBy, Meta(description="the side that owns its switch")] = ActsBy.NONE
    protected: Annotated[bool | None, Meta(description="never switched; None: as its kind says")] = None
    alarms_per_week: Annotated[float, Meta(gt=0, description="None: as the detector's section says")] | None = None
    min_w: Annotated[float, Meta(ge=0, description="changes smaller than this are no news, W")] | None = None

    def record(self, site: str, device: str, time_zone: str, alarms_per_week: float) -> DeviceRecord:
        """Return the device's record: learning, so never armed by a setting alone."""
        protected = self.kind in PROTECTED_KINDS if self.protected is None else self.protected
        return DeviceRecord(
            site=site,
            device=device,
            kind=self.kind,
            rating_w=self.rating_w,
            off_below_w=self.off_below_w,
            interval_s=self.interval_s,
            reporting=self.reporting,
            heartbeat_s=self.heartbeat_s,
            time_zone=time_zone,
            acts_by=self.acts_by,
            protected=protected,
            plug=self.plug,
            alarms_per_week=alarms_per_week if self.alarms_per_week is None else self.alarms_per_week,
            min_w=self.min_w,
            source="config",
        )


def device_records(config: Config) -> list[DeviceRecord]:
    """Return the records of all devices that the settings name."""
    site, rate = config.site, config.detector.alarms_per_week
    return [device.record(site.name, name, site.time_zone, rate) for name, device in config.devices.items()]
