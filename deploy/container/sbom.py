"""Writes the bill of materials, CycloneDX 1.6: Python packages and, where dpkg knows them, Debian's."""  # noqa: INP001

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path


def bill() -> dict[str, object]:
    """Return the bill of the environment and the system that this runs in."""
    own = distribution("kilowatch")
    others = sorted((one for one in distributions() if one.name != own.name), key=lambda one: one.name.lower())
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _python(own, "application")},
        "components": [*(_python(one, "library") for one in others), *_debian()],
    }


def _python(package: Distribution, kind: str) -> dict[str, object]:
    name, version = package.name, package.version
    address = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    component: dict[str, object] = {"type": kind, "bom-ref": address, "name": name, "version": version, "purl": address}
    # Older packages put the whole text of a licence where its name belongs.
    licence = package.metadata.get("License-Expression") or package.metadata.get("License")
    if licence and len(licence) < 100:
        field = "expression" if package.metadata.get("License-Expression") else "license"
        component["licenses"] = [{field: licence if field == "expression" else {"name": licence}}]
    return component


def _debian() -> list[dict[str, object]]:
    form = r"${Package}\t${Version}\t${Architecture}\n"
    try:
        asked = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return []
    rows = [line.split("\t") for line in asked.stdout.splitlines()]
    return [
        {
            "type": "library",
            "bom-ref": (address := f"pkg:deb/debian/{name}@{version}?arch={architecture}"),
            "name": name,
            "version": version,
            "purl": address,
        }
        for name, version, architecture in rows
    ]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(bill(), indent=1) + "\n")
