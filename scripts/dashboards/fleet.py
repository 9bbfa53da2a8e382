"""The fleet's dashboard: sums by kind and the devices that stand out."""

from __future__ import annotations

from dashboards.looks import Board, look, now

FLEET = Board(
    "kilowatch-fleet",
    "kilowatch: fleet",
    "Many devices at a glance: sums by kind, and the devices that stand out.",
    (
        (
            "Now",
            (
                now("Devices", "Known.", "none", "sum(kilowatch_devices)"),
                now("Watched", "Learnt enough to be judged.", "none", 'sum(kilowatch_devices{stage!="learning"})'),
                now("Silent", "Share of all devices.", "percentunit", "kilowatch:devices_silent:ratio"),
                now("Power", "Without homes' meters.", "watt", "kilowatch:power_watts:sum"),
                now("Open incidents", "Silences included.", "none", "sum(kilowatch_incidents_open) or vector(0)"),
                now(
                    "Alarms a device-week",
                    "Over seven days; thresholds aim at what people asked for.",
                    "none",
                    "kilowatch:alarms_per_device_week:ratio7d",
                ),
            ),
        ),
        (
            "Use",
            (
                look(
                    "Power by kind", "Drawn now.", "watt", ('kilowatch_power_watts{kind=~"$kind"}', "{{kind}}"), wide=12
                ),
                look(
                    "Energy by kind",
                    "Mean power over the interval, from energy counted.",
                    "watt",
                    ('rate(kilowatch_energy_joules_total{kind=~"$kind"}[$__rate_interval])', "{{kind}}"),
                    wide=12,
                ),
                look("Most power", "Now.", "watt", ("kilowatch_top_power_watts", "{{site}} {{device}}"), shape="bars"),
                look(
                    "Most energy today",
                    "Since local midnight.",
                    "joule",
                    ("kilowatch_top_energy_today_joules", "{{site}} {{device}}"),
                    shape="bars",
                ),
                look(
                    "Most alarms",
                    "In seven days.",
                    "none",
                    ("kilowatch_top_alarms_week", "{{site}} {{device}}"),
                    shape="bars",
                ),
            ),
        ),
        (
            "Incidents",
            (
                look(
                    "Open incidents",
                    "By rule.",
                    "none",
                    ("sum by (rule) (kilowatch_incidents_open)", "{{rule}}"),
                    wide=12,
                ),
                look(
                    "Alarms against what was asked for",
                    "Alarms a device-week over seven days.",
                    "none",
                    ("kilowatch:alarms_per_device_week:ratio7d", "achieved"),
                    ("avg(kilowatch_requested_alarms_per_device_week)", "requested"),
                    wide=12,
                ),
                look(
                    "Unmetered share",
                    "Of what homes' meters saw today, what no plug did.",
                    "percentunit",
                    (
                        "sum(kilowatch_unmetered_today_joules) / (sum(kilowatch_metered_today_joules) > 0)",
                        "unmetered",
                    ),
                ),
                look("Cost", "Today, in the tariff's currency.", "none", ("kilowatch_cost_today", "{{currency}}")),
                look(
                    "Actions",
                    "Steps by state, in an hour.",
                    "none",
                    ("sum by (state) (increase(kilowatch_actions_total[1h]))", "{{state}}"),
                ),
            ),
        ),
    ),
    (("kind", "Kind", "label_values(kilowatch_devices, kind)"),),
    "now-7d",
)
