"""Metrics of what devices use, and of incidents and actions: what the metric processor serves.

Prometheus wants base units, so power is in watts, energy in joules (3.6 million to the kWh) and time in seconds.
Fleet and top series do not grow with the number of devices. One series a device is opt-in: a million meters would
drown Prometheus. Local days begin at each device's own midnight.
"""

from __future__ import annotations

from functools import partial

from kilowatch.observability.metric import Metric, counter, gauge

_INCIDENTS = "Incidents and actions"
_EACH = "Each device (opt-in)"
_fleet = partial(gauge, group="Fleet")
_fleet_total = partial(counter, group="Fleet")
_top = partial(gauge, group="Top devices")
_device = partial(gauge, group=_EACH)

FLEET: tuple[Metric, ...] = (
    _fleet("kilowatch_devices", "Devices known, by kind and by how far they are trusted.", "kind", "stage"),
    _fleet("kilowatch_devices_on", "Devices that draw more than their off level.", "kind"),
    _fleet("kilowatch_devices_silent", "Devices that have said nothing for longer than they may.", "kind"),
    _fleet("kilowatch_power_watts", "Power drawn by all devices that are not silent.", "kind"),
    _fleet_total("kilowatch_energy_joules_total", "Energy used since each device was first seen.", "kind"),
    _fleet_total("kilowatch_cost_total", "What that energy cost by the tariff, in its currency.", "currency"),
    _fleet("kilowatch_energy_today_joules", "Energy used on the current local day.", "kind"),
    _fleet("kilowatch_cost_today", "What the current local day's energy cost.", "currency"),
    _fleet("kilowatch_held_today_seconds", "Device time of the current local day that readings cover."),
    _fleet("kilowatch_silent_today_seconds", "Device time of the current local day in which nothing was heard."),
    _fleet("kilowatch_gap_today_seconds", "The part of that silence whose energy no register tells."),
    _fleet(
        "kilowatch_unmetered_today_joules",
        "Energy that homes' meters saw today and no plug did; below zero where plugs claim more.",
    ),
    _fleet("kilowatch_metered_today_joules", "Energy that the meters of homes with plugs saw today."),
    _fleet(
        "kilowatch_devices_clock_behind",
        "Devices whose clock runs behind by more than that: none of their readings is younger on arrival.",
        "more_than",
    ),
    _fleet_total("kilowatch_readings_total", "Readings by what cleaning made of them.", "outcome"),
    _fleet_total("kilowatch_reading_reasons_total", "Readings repaired, marked or rejected, by reason.", "reason"),
)

INCIDENTS: tuple[Metric, ...] = (
    counter(
        "kilowatch_incidents_total",
        "Incidents opened, by rule, severity at opening, and whether they were history when found.",
        "rule",
        "severity",
        "historical",
        group=_INCIDENTS,
    ),
    gauge(
        "kilowatch_incidents_open",
        "Incidents open now, those of history left out.",
        "rule",
        "severity",
        group=_INCIDENTS,
    ),
    counter("kilowatch_alarms_total", "Alarms: incidents opened by a detector.", group=_INCIDENTS),
    gauge("kilowatch_alarms_week", "Alarms of the last seven days of event time.", group=_INCIDENTS),
    counter(
        "kilowatch_watched_device_seconds_total",
        "Device time that readings covered while the device was watched: what alarm rates divide by.",
        group=_INCIDENTS,
    ),
    gauge(
        "kilowatch_requested_alarms_per_device_week",
        "Mean of the alarm rates that people asked for, over watched devices.",
        group=_INCIDENTS,
    ),
    counter(
        "kilowatch_actions_total",
        "Steps of actions, by want and state.",
        "want",
        "state",
        group=_INCIDENTS,
    ),
    gauge(
        "kilowatch_actions_unconfirmed",
        "Open incidents whose switch-off could not be confirmed.",
        group=_INCIDENTS,
    ),
    counter(
        "kilowatch_avoided_energy_joules_total",
        "Energy that confirmed switch-offs saved, an estimate: what was drawn above the expected band, for as long "
        "again as the incident had lasted, a day at most.",
        group=_INCIDENTS,
    ),
    counter(
        "kilowatch_unreadable_events_total",
        "Incidents and actions that the metric processor could not read.",
        group=_INCIDENTS,
    ),
)

TOP: tuple[Metric, ...] = (
    _top("kilowatch_top_power_watts", "The devices that draw the most now.", "site", "device", "kind"),
    _top("kilowatch_top_energy_today_joules", "The devices that used the most today.", "site", "device", "kind"),
    _top("kilowatch_top_alarms_week", "The devices with the most alarms in seven days.", "site", "device", "kind"),
)

_NAME = ("site", "device")

DEVICES: tuple[Metric, ...] = (
    _device("kilowatch_device_power_watts", "Power by the newest reading.", *_NAME),
    counter(
        "kilowatch_device_energy_joules_total",
        "Energy used since the device was first seen.",
        *_NAME,
        group=_EACH,
    ),
    _device("kilowatch_device_energy_today_joules", "Energy used on the current local day.", *_NAME),
    _device("kilowatch_device_cost_today", "What it cost, in the tariff's currency.", *_NAME),
    _device("kilowatch_device_on_today_seconds", "Time on, on the current local day.", *_NAME),
    _device("kilowatch_device_cycles_today", "Times it came on, on the current local day.", *_NAME),
    _device("kilowatch_device_standby_watts", "The day's lowest mean of a quarter of an hour.", *_NAME),
    _device("kilowatch_device_demand_watts", "The day's highest mean of a quarter of an hour.", *_NAME),
    _device("kilowatch_device_peak_watts", "The day's highest reading.", *_NAME),
    _device("kilowatch_device_gap_today_seconds", "Silence today whose energy nobody knows.", *_NAME),
    _device("kilowatch_device_readings_today", "Readings today by what cleaning made of them.", *_NAME, "outcome"),
    _device("kilowatch_device_last_reading_timestamp_seconds", "When it was last heard, Unix time.", *_NAME),
    _device("kilowatch_device_clock_offset_seconds", "Least age of its readings on arrival, today or before.", *_NAME),
    _device("kilowatch_device_silent", "1 while it has said nothing for longer than it may, else 0.", *_NAME),
    _device("kilowatch_device_incidents_open", "Incidents open now.", *_NAME),
    _device("kilowatch_site_unmetered_today_joules", "What the home's meter saw today and no plug did.", "site"),
    _device(
        "kilowatch_together_seconds",
        "Time of eight days in which two devices both ran, by the minute.",
        "site",
        "device",
        "other",
    ),
)
