"""The small commented file that `kilowatch config init` writes."""

from __future__ import annotations

TEMPLATE = """\
# kilowatch's settings. Everything that can be set: docs/config.md, or `kilowatch config show`.
# The environment wins over this file: KILOWATCH_SITE__NAME=home
# Passwords and tokens never stand here: name a file that holds one, or use the environment.

[site]
name = "home"
time_zone = "{time_zone}"

[policy]
dry_run = true                    # says what it would switch off, and switches nothing

# A broker that your plugs speak to. Shelly, Tasmota and Zigbee2MQTT are understood as they are.
# [sources.mqtt.home]
# host = "192.168.1.10"
# username = "kilowatch"
# password_file = "mqtt-password"

# Files that a logger writes: CSV, Parquet, or JSON lines. They are followed as they grow.
# [sources.files.logger]
# path = "/var/log/power"

# No hardware yet? A simulated home, to see how it looks.
# [sources.sim]
# enabled = true

# A plug that is asked over HTTP.
# [devices.tv]
# kind = "tv"
# plug = "shelly2://192.168.1.20/0"
# password_file = "tv-plug-password"
# interval_s = 10
"""
