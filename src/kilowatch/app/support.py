"""What a person who helps must know of an installation, without a secret, a reading or a device's name in it."""

from __future__ import annotations

import platform
import re
import sys
import zipfile
from collections import Counter
from importlib.metadata import distributions, version
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.app.stores import database_settings
from kilowatch.core.device import Stage
from kilowatch.errors import KilowatchError
from kilowatch.links.database import Database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kilowatch.config import Config

_USER = re.compile(r"(?<=://)[^/@\s]+@")
_OURS = ("numpy", "onnxruntime", "pyarrow", "sqlalchemy", "confluent-kafka", "paho-mqtt", "psycopg", "httpx", "fastapi")


def machine() -> dict[str, Any]:
    """Return versions and platform."""
    # A broken installation lacks names, and just then somebody asks for support.
    known = {one.metadata["Name"].lower(): one.version for one in distributions() if one.metadata["Name"]}
    return {
        "kilowatch": version("kilowatch"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": {name: known[name] for name in _OURS if name in known},
    }


def stored(config: Config) -> dict[str, Any]:
    """Return how much lies in the database: devices by kind, open incidents; or why it cannot be read."""
    database = Database(database_settings(config))
    try:
        database.check()
        with database.read() as transaction:
            records = [known.record for known in transaction.devices.all()]
            is_open = len(transaction.incidents.open())
    except KilowatchError as error:
        return {"error": str(error), "hint": error.hint}
    finally:
        database.close()
    return {
        "devices": dict(Counter(str(record.kind) for record in records)),
        "armed": sum(record.stage is Stage.ARMED for record in records),
        "protected": sum(record.protected for record in records),
        "incidents_open": is_open,
    }


def write_bundle(target: Path, parts: Mapping[str, Any]) -> None:
    """Write each part as indented JSON into a zip; whoever signs in by a URL is taken out of it."""
    # "x": a bundle takes the place of nothing.
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as bundle:
        for name, part in parts.items():
            text = msgspec.json.format(msgspec.json.encode(part), indent=2).decode()
            bundle.writestr(f"{name}.json", _USER.sub("", text))
