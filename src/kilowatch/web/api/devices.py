"""Devices: how they stand, their past, and a person's word on them."""

from typing import Annotated

from fastapi import APIRouter, Query

from kilowatch.core.device import DeviceRecord
from kilowatch.core.records import DeviceEdit
from kilowatch.errors import ConfigError
from kilowatch.web.access import Deed, Visitor
from kilowatch.web.api.answers import Answer, told
from kilowatch.web.api.here import AtHand, Device, Here, Site, require, sent, who_may
from kilowatch.web.views import DevicePage, HistoryView, JobAsked, Overview
from kilowatch.web.wishes import MuteWish, PlugWish, ProtectWish

router = APIRouter(tags=["devices"])
_HOUR_MS = 3_600_000
# The last of the year 9999: no later time can be told as a date.
_LATEST_MS = 253_402_300_799_999
Time = Annotated[int | None, Query(ge=0, le=_LATEST_MS, description="ms UTC")]
_BY_OTHER_WAYS = frozenset({"stage", "protected", "muted_until"})


# Plain functions, here and in the other groups: the framework runs them on threads, so that a slow database
# holds up nobody else.
@router.get("/overview", **told(Overview))
def overview(here: AtHand) -> Answer:
    """Every device as it stands now, and the sum of them."""
    return Answer(here.house.overview())


@router.get("/devices/{site}/{device}", **told(DevicePage, 404))
def device_page(here: AtHand, site: Site, device: Device) -> Answer:
    """All that is known of one device but its history."""
    return Answer(here.house.device(site, device))


@router.get("/devices/{site}/{device}/history", **told(HistoryView, 404))
def history(
    here: AtHand,
    site: Site,
    device: Device,
    from_ms: Time = None,
    to_ms: Time = None,
    points: Annotated[int, Query(ge=2, le=5000, description="buckets at most")] = 480,
) -> Answer:
    """Power, band and score in buckets that keep the least and the most; the last day where no time is given."""
    until_ms = here.house.now_ms if to_ms is None else to_ms
    since_ms = max(0, until_ms - 24 * _HOUR_MS) if from_ms is None else from_ms
    return Answer(here.house.history(site, device, since_ms, max(until_ms, since_ms + 1), points))


@router.patch("/devices/{site}/{device}", **told(DeviceRecord, 404, 409, body=DeviceEdit))
def edit(
    here: AtHand,
    caller: Annotated[Visitor, who_may(Deed.EDIT)],
    site: Site,
    device: Device,
    wish: Annotated[DeviceEdit, sent(DeviceEdit)],
) -> Answer:
    """Change what is known of a device; what a person sets, no source changes."""
    # Asked before: to `words` an unknown device is one conflict among others, 409 instead of 404.
    here.house.require_device(site, device)
    # As plain fields they would go around what arming asks, and around the roles of each.
    if wish.said & _BY_OTHER_WAYS:
        raise ConfigError("Stage, protection and mute have paths of their own.", "Use arm, disarm, protect and mute.")
    return _changed(here, here.words.edit(site, device, wish, caller.name))


@router.post("/devices/{site}/{device}/arm", **told(DeviceRecord, 404, 409))
def arm(here: AtHand, caller: Annotated[Visitor, who_may(Deed.ARM)], site: Site, device: Device) -> Answer:
    """Allow kilowatch to switch a device off."""
    here.house.require_device(site, device)
    return _changed(here, here.words.arm(site, device, caller.name))


@router.post("/devices/{site}/{device}/disarm", **told(DeviceRecord, 404))
def disarm(here: AtHand, caller: Annotated[Visitor, who_may(Deed.DISARM)], site: Site, device: Device) -> Answer:
    """Forbid switching a device off; it is watched on."""
    here.house.require_device(site, device)
    return _changed(here, here.words.disarm(site, device, caller.name))


@router.post("/devices/{site}/{device}/protect", **told(DeviceRecord, 404, body=ProtectWish))
def protect(
    here: AtHand,
    caller: Annotated[Visitor, who_may(Deed.PROTECT)],
    site: Site,
    device: Device,
    wish: Annotated[ProtectWish, sent(ProtectWish)],
) -> Answer:
    """Protect a device for good, or take that away, which asks for an admin."""
    if not wish.protected:
        require(caller, Deed.UNPROTECT)
    here.house.require_device(site, device)
    return _changed(here, here.words.protect(site, device, caller.name, protected=wish.protected))


@router.post("/devices/{site}/{device}/mute", **told(DeviceRecord, 404, body=MuteWish))
def mute(
    here: AtHand,
    caller: Annotated[Visitor, who_may(Deed.MUTE)],
    site: Site,
    device: Device,
    wish: Annotated[MuteWish, sent(MuteWish)],
) -> Answer:
    """Be told nothing of a device until a time; meanwhile it is not switched either."""
    here.house.require_device(site, device)
    return _changed(here, here.words.mute(site, device, wish.until_ms, caller.name))


@router.post("/devices/{site}/{device}/switch", **told(JobAsked, 404, 409, body=PlugWish))
def switch(
    here: AtHand,
    caller: Annotated[Visitor, who_may(Deed.SWITCH)],
    site: Site,
    device: Device,
    wish: Annotated[PlugWish, sent(PlugWish)],
) -> Answer:
    """Switch a device's plug; the job tells what the plug said. What is protected is switched off by nobody."""
    here.house.require_device(site, device)
    return Answer(JobAsked(job=here.words.switch(site, device, caller.name, on=wish.on)))


def _changed(here: Here, record: DeviceRecord) -> Answer:
    here.house.touched()
    return Answer(record)
