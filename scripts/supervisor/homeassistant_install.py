"""Home Assistant from PyPI into a virtual environment in the cache, made once, with all that its parts need."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from supervisor.places import MissingComponentError, cache

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "2024.3.3"
"""The last release for Python 3.11."""
_PACKAGES = (f"homeassistant=={VERSION}", "josepy<2")
_PARTS = ("api", "config", "http", "input_boolean", "input_number", "mqtt", "onboarding", "shelly", "template")
_ALWAYS = ("application_credentials", "backup", "frontend", "hardware", "recorder", "system_health", "zeroconf")
"""What it loads by itself; the recorder does not run, but others import it."""
_INSTALL_S = 1800


def hass() -> Path:
    """Return the program `hass`; `MissingComponentError` where it cannot be had."""
    home = cache() / "homeassistant"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "homeassistant.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _mark(home).exists():
            shutil.rmtree(home, ignore_errors=True)
            _install(home)
            _mark(home).touch()
    return home / "bin" / "hass"


def _mark(home: Path) -> Path:
    return home / f"ready-{VERSION}"


def _install(home: Path) -> None:
    _call([_python(), "-m", "venv", str(home)])
    pip = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    _call([*pip, *_PACKAGES])
    package = next(home.glob("lib/python3.*/site-packages/homeassistant"))
    _call([*pip, "--constraint", str(package / "package_constraints.txt"), *_needed(package / "components")])


def _needed(components: Path) -> list[str]:
    """Return the packages that our parts of Home Assistant want, and the parts that they stand on: it would fetch
    them when it first starts."""
    seen, wanted, packages = set[str](), [*_PARTS, *_ALWAYS], set[str]()
    while wanted:
        part = wanted.pop()
        if part not in seen:
            seen.add(part)
            manifest = json.loads((components / part / "manifest.json").read_text())
            wanted += manifest.get("dependencies", [])
            packages.update(manifest.get("requirements", []))
    return sorted(packages)


def _python() -> str:
    for version in ("3.11", "3.12"):
        if sys.version_info[:2] == tuple(map(int, version.split("."))):
            return sys.executable
        if path := shutil.which(f"python{version}"):
            return path
    raise MissingComponentError(
        f"Home Assistant {VERSION} needs Python 3.11 or 3.12. On Debian: apt-get install python3"
    )


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_S)
    if done.returncode:
        said = (done.stdout + done.stderr)[-1000:]
        raise MissingComponentError(f"Home Assistant {VERSION} could not be installed: {said}")
