"""The files that an installation writes."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from kilowatch.install.places import SERVICE

if TYPE_CHECKING:
    from kilowatch.install.places import Places

JOURNAL = """# The journal rotates the log of kilowatch by itself: journalctl --namespace=kilowatch
[Journal]
Storage=persistent
SystemMaxUse=64M
MaxRetentionSec=3month
"""
ACCOUNT = f'u {SERVICE} - "watches the power that devices draw" /var/lib/kilowatch\n'
SECRETS = "# KILOWATCH_SOURCES__MQTT__HOME__PASSWORD=...\n"
_COMMAND = """#!/bin/sh
# The installed kilowatch, with the settings of the service. What root asks is done as the service's account, so that
# the files in the data folder stay its own.
program={program}/current/bin/kilowatch
case "$(id -u):${{1:-}}" in
  0:edge) exec "$program" "$@" ;;
esac
if [ -r {secrets} ]; then set -a; . {secrets}; set +a; fi
: "${{KILOWATCH_CONFIG:={config}}}"
export KILOWATCH_CONFIG KILOWATCH_DATA__FOLDER={data} KILOWATCH_MODELS__FOLDER={data}/models
if [ "$(id -u)" = 0 ]; then exec setpriv --reuid={service} --regid={service} --init-groups "$program" "$@"; fi
exec "$program" "$@"
"""


def unit(places: Places, memory_mb: int) -> str:
    """Return the systemd unit. memory_mb: beyond it the process is ended and started again."""
    text = files("kilowatch.install").joinpath("kilowatch.service").read_text()
    values = {
        "PROGRAM": places.inside(places.program),
        "CONFIG": places.inside(places.config),
        "SECRETS": places.inside(places.secrets),
        "DATA": places.inside(places.data),
        "MEMORY": f"{memory_mb}M",
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def command(places: Places) -> str:
    """Return the script that people call: root's word is done as the service's account, so its files stay its own."""
    return _COMMAND.format(
        program=places.inside(places.program),
        secrets=places.inside(places.secrets),
        config=places.inside(places.config),
        data=places.inside(places.data),
        service=SERVICE,
    )
