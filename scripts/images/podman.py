"""podman, and the options that it needs on machines of little privilege."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from supervisor.places import MissingComponentError

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCKED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
"""How every image of ours can be run."""
_TAIL = 3000


class ImageError(Exception):
    """podman failed; the message ends with what it said."""


def podman(*words: str, timeout_s: float = 1200, given: bytes | None = None) -> str:
    """Run podman to its end and return what it printed; `ImageError` where it fails."""
    done = subprocess.run(
        [*program(), *words],
        input=given,
        stdin=None if given else subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=timeout_s,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise ImageError(f"podman {' '.join(words[:2])} failed: {said[-_TAIL:]}")
    return done.stdout.decode(errors="replace")


def program() -> list[str]:
    """Return the command, with runc where it is installed: crun refuses hybrid cgroups."""
    if shutil.which("podman") is None:
        raise MissingComponentError("podman is not installed. On Debian: apt-get install podman runc")
    runc = shutil.which("runc") or shutil.which("runc", path="/usr/sbin")
    return ["podman", *(["--runtime", runc] if runc else [])]


def run_words(image: str, words: Sequence[str] = (), options: Sequence[str] = ()) -> list[str]:
    """Return the words that run an image with everything locked that can be, as any user may."""
    limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"]
    return ["run", *limits, *LOCKED, "--tmpfs=/tmp:rw,size=64m,mode=1777", *options, image, *words]


def is_there(image: str) -> bool:
    """Return whether podman has an image."""
    return subprocess.run([*program(), "image", "exists", image], check=False).returncode == 0


def is_root() -> bool:
    """Return whether we are root, which debootstrap must be."""
    return os.geteuid() == 0
