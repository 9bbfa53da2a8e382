"""One device's dashboard: needs the series of each device."""

from __future__ import annotations

from dashboards.looks import Board, look, now

ONE = 'site=~"$site", device=~"$device"'
DEVICE = Board(
    "kilowatch-device",
    "kilowatch: device",
    "One device: what it draws, what it used, and how far its data can be trusted. Needs the series of each device.",
    (
        (
            "Today",
            (
                now("Energy", "Since local midnight.", "joule", f"sum(kilowatch_device_energy_today_joules{{{ONE}}})"),
                now("Cost", "In the tariff's currency.", "none", f"sum(kilowatch_device_cost_today{{{ONE}}})"),
                now("Time on", "Above the off level.", "s", f"sum(kilowatch_device_on_today_seconds{{{ONE}}})"),
                now("Times on", "It came on so often.", "none", f"sum(kilowatch_device_cycles_today{{{ONE}}})"),
                now("Standby", "Lowest quarter of an hour.", "watt", f"max(kilowatch_device_standby_watts{{{ONE}}})"),
                now("Peak", "Highest reading.", "watt", f"max(kilowatch_device_peak_watts{{{ONE}}})"),
            ),
        ),
        (
            "Course",
            (
                look(
                    "Power",
                    "Newest reading.",
                    "watt",
                    (f"kilowatch_device_power_watts{{{ONE}}}", "{{device}}"),
                    wide=24,
                ),
                look(
                    "Mean power",
                    "From energy counted: register where there is one.",
                    "watt",
                    (f"rate(kilowatch_device_energy_joules_total{{{ONE}}}[$__rate_interval])", "{{device}}"),
                    wide=12,
                ),
                look(
                    "Highest quarter of an hour",
                    "Of the day so far.",
                    "watt",
                    (f"kilowatch_device_demand_watts{{{ONE}}}", "{{device}}"),
                    wide=12,
                ),
            ),
        ),
        (
            "Trust",
            (
                look(
                    "Readings today",
                    "By what cleaning made of them.",
                    "none",
                    (f"sum by (outcome) (kilowatch_device_readings_today{{{ONE}}})", "{{outcome}}"),
                ),
                look(
                    "Silence without energy",
                    "Time today of which nobody knows what was used.",
                    "s",
                    (f"kilowatch_device_gap_today_seconds{{{ONE}}}", "{{device}}"),
                ),
                look(
                    "Last heard",
                    "Time since the newest reading.",
                    "s",
                    (f"time() - kilowatch_device_last_reading_timestamp_seconds{{{ONE}}}", "{{device}}"),
                ),
                look(
                    "Open incidents",
                    "Over time.",
                    "none",
                    (f"kilowatch_device_incidents_open{{{ONE}}}", "{{device}}"),
                    wide=12,
                ),
                look(
                    "Silent",
                    "1 while too long unheard.",
                    "none",
                    (f"kilowatch_device_silent{{{ONE}}}", "{{device}}"),
                    wide=12,
                ),
            ),
        ),
    ),
    (
        ("site", "Home", "label_values(kilowatch_device_power_watts, site)"),
        ("device", "Device", 'label_values(kilowatch_device_power_watts{site=~"$site"}, device)'),
    ),
)
