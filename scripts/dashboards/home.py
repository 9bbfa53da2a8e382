"""The home's dashboard: needs the series of each device."""

from __future__ import annotations

from dashboards.looks import Board, look, now

HOME_SITE = 'site=~"$site"'
HOME = Board(
    "kilowatch-home",
    "kilowatch: home",
    "What is on, what it uses and costs today, and what is odd. Needs the series of each device (metrics each-device).",
    (
        (
            "Now",
            (
                now("Power of all plugs", "Drawn now.", "watt", f"sum(kilowatch_device_power_watts{{{HOME_SITE}}})"),
                now(
                    "Energy today",
                    "Since local midnight.",
                    "joule",
                    f"sum(kilowatch_device_energy_today_joules{{{HOME_SITE}}})",
                ),
                now(
                    "Cost today",
                    "In the tariff's currency.",
                    "none",
                    f"sum(kilowatch_device_cost_today{{{HOME_SITE}}})",
                ),
                now(
                    "Open incidents",
                    "Odd right now, silences included.",
                    "none",
                    f"sum(kilowatch_device_incidents_open{{{HOME_SITE}}})",
                ),
                now(
                    "Silent devices",
                    "They have said nothing for too long.",
                    "none",
                    f"sum(kilowatch_device_silent{{{HOME_SITE}}})",
                ),
                now(
                    "Unmetered today",
                    "Seen by the home's meter and by no plug.",
                    "joule",
                    f"sum(kilowatch_site_unmetered_today_joules{{{HOME_SITE}}})",
                ),
            ),
        ),
        (
            "Devices",
            (
                look(
                    "Power",
                    "Each device's newest reading.",
                    "watt",
                    (f"kilowatch_device_power_watts{{{HOME_SITE}}}", "{{device}}"),
                    wide=16,
                ),
                look(
                    "Energy today",
                    "The largest first.",
                    "joule",
                    (f"sort_desc(kilowatch_device_energy_today_joules{{{HOME_SITE}}})", "{{device}}"),
                    shape="bars",
                ),
                look(
                    "Standby",
                    "The lowest quarter of an hour of the day: what a device draws at rest.",
                    "watt",
                    (f"sort_desc(kilowatch_device_standby_watts{{{HOME_SITE}}})", "{{device}}"),
                    shape="bars",
                ),
                look(
                    "Time on today",
                    "Drawing more than the off level.",
                    "s",
                    (f"sort_desc(kilowatch_device_on_today_seconds{{{HOME_SITE}}})", "{{device}}"),
                    shape="bars",
                ),
                look(
                    "Run together",
                    "Time of eight days in which both ran.",
                    "s",
                    (f"topk(10, kilowatch_together_seconds{{{HOME_SITE}}})", "{{device}} and {{other}}"),
                    shape="bars",
                ),
            ),
        ),
    ),
    (("site", "Home", "label_values(kilowatch_device_power_watts, site)"),),
)
