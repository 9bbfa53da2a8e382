"""What the images install, to the byte: every package with its version and hashes, resolved by uv."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from supervisor.places import program

from images.base import CONTAINER
from images.podman import ImageError

if TYPE_CHECKING:
    from pathlib import Path

_ROOT = CONTAINER.parents[1]
EXTRAS = {"services": ("kafka", "mqtt", "postgres", "web"), "train": ("kafka", "mqtt", "postgres", "train")}
_FLAGS = ("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--python-version=3.11", "--quiet")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def lock() -> None:
    """Resolve anew and write the files."""
    for name, extras in EXTRAS.items():
        _compile([f"--extra={extra}" for extra in extras] + ["pyproject.toml"], name, "")
    _compile(["-"], "build", "\n".join([*_project()["build-system"]["requires"], "pip"]))


def stale() -> list[str]:
    """Return what pyproject.toml asks for and a file does not pin, or pins otherwise."""
    found = []
    project = _project()["project"]
    for name, extras in EXTRAS.items():
        pins = {_plain(key): version for key, version in _PINNED.findall(_file(name).read_text())}
        optional = [line for extra in extras for line in project["optional-dependencies"][extra]]
        for wanted in map(Requirement, [*project["dependencies"], *optional]):
            pinned = pins.get(_plain(wanted.name))
            if pinned is None or not wanted.specifier.contains(pinned, prereleases=True):
                found.append(f"{_file(name).name}: {wanted} against {pinned}. Run: scripts/image.py lock")
    return found


def _compile(words: list[str], name: str, given: str) -> None:
    command = [program("uv", "uv (pip install uv)"), "pip", "compile", *_FLAGS, "-o", str(_file(name)), *words]
    done = subprocess.run(command, cwd=_ROOT, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"uv could not resolve {name}: {done.stderr}")


def _file(name: str) -> Path:
    return CONTAINER / f"requirements-{name}.txt"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _project() -> dict[str, Any]:
    return tomllib.loads((_ROOT / "pyproject.toml").read_text())
