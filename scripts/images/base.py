"""The bases: Debian's slim images from a registry, or stand-ins of the same release made by debootstrap."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor.places import MissingComponentError, cache, program

from images.architecture import Architecture, options, own
from images.podman import ImageError, is_root, is_there, podman

if TYPE_CHECKING:
    from collections.abc import Callable

CONTAINER = Path(__file__).parents[2] / "deploy" / "container"
DEBIAN = "docker.io/library/debian:bookworm-slim"
PYTHON = "docker.io/library/python:3.11-slim-bookworm"
_STAND_INS = {DEBIAN: "localhost/debian-slim:bookworm", PYTHON: "localhost/python-slim:3.11"}
_MIRROR = "http://deb.debian.org/debian/"
_NOT_IN_SLIM = ("var/cache/apt", "var/lib/apt/lists", "usr/share/man", "usr/share/locale", "usr/share/info", "var/log")


def base(name: str, *, registry: bool, architecture: Architecture | None = None) -> str:
    """Return the image to build on: the one of the registry, or its stand-in, made where it is missing."""
    if registry:
        return name
    wanted = architecture or own()
    stand_in = wanted.tagged(_STAND_INS[name])
    if not is_there(stand_in):
        _MAKERS[name](stand_in, wanted)
    return stand_in


def _make_debian(image: str, architecture: Architecture) -> None:
    root = cache() / f"{architecture.tagged('debian-slim-bookworm')}.tar"
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent) as folder:
            _bootstrap(Path(folder) / "root", architecture)
            subprocess.run(["tar", "-C", f"{folder}/root", "-cf", f"{folder}/tar", "."], check=True)
            shutil.move(f"{folder}/tar", root)
    podman("import", f"--arch={architecture}", str(root), image)


def _bootstrap(root: Path, architecture: Architecture) -> None:
    if not is_root():
        raise MissingComponentError("Without a registry a base is made by debootstrap, as root. Or: --registry")
    # As in Debian's own slim images: thousands of small files need not each be on the disk before the next.
    settings = root / "etc" / "dpkg" / "dpkg.cfg.d"
    settings.mkdir(parents=True)
    (settings / "speedup").write_text("force-unsafe-io\n")
    command = [program("debootstrap", "debootstrap"), f"--arch={architecture}", "--variant=minbase"]
    command += ["--include=ca-certificates", "bookworm", str(root), _mirror()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageError(f"debootstrap failed: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    for folder in _NOT_IN_SLIM:
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir(parents=True)


def _mirror() -> str:
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm"],
        capture_output=True,
        text=True,
        check=False,
    )
    return next((line for line in asked.stdout.split() if "security" not in line), _MIRROR)


def _make_python(image: str, architecture: Architecture) -> None:
    file = CONTAINER / "standins" / "Containerfile.python"
    below = base(DEBIAN, registry=False, architecture=architecture)
    words = ["--network=host", *options(architecture), f"--build-arg=BASE={below}"]
    podman("build", *words, "-f", str(file), "-t", image, str(CONTAINER), timeout_s=3600)


_MAKERS: dict[str, Callable[[str, Architecture], None]] = {DEBIAN: _make_debian, PYTHON: _make_python}
