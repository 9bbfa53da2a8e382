"""The processors that images are for: this machine's own, or another that its kernel runs through qemu."""

from __future__ import annotations

import platform
import subprocess
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from emulate import CPUINFO, PARTS
from supervisor.places import MissingComponentError, cache

from images.podman import is_root

if TYPE_CHECKING:
    from collections.abc import Iterator

EMULATED = "cortex-a76"
"""The processor of a Pi 5, and those of the usual servers are of its kind."""
_KERNEL = Path("/proc/sys/fs/binfmt_misc")
_ENTRIES = Path("/usr/lib/binfmt.d")
_PACKAGE = "On Debian: apt-get install qemu-user-static"


class Architecture(StrEnum):
    """By the name that Debian and the registries have for it."""

    AMD64 = "amd64"
    ARM64 = "arm64"

    @property
    def is_own(self) -> bool:
        """Whether this machine runs it by itself."""
        return self.machine == platform.machine()

    @property
    def machine(self) -> str:
        """The name that the kernel has for it."""
        return {Architecture.AMD64: "x86_64", Architecture.ARM64: "aarch64"}[self]

    def tagged(self, name: str) -> str:
        """Return the name of an image, which tells the architecture where it is another one than ours."""
        return name if self.is_own else f"{name}-{self}"


def own() -> Architecture:
    """Return this machine's."""
    return next((each for each in Architecture if each.is_own), Architecture.AMD64)


@contextmanager
def runnable(architecture: Architecture) -> Iterator[None]:
    """Let the kernel run programs of an architecture for a while: one of ours, or as others have registered it."""
    entry = _KERNEL / f"qemu-{architecture.machine}"
    if architecture.is_own or entry.exists():
        yield
        return
    told = _ENTRIES / f"qemu-{architecture.machine}.conf"
    if not is_root() or not told.exists():
        raise MissingComponentError(f"Images for {architecture} are made as root, through qemu. {_PACKAGE}")
    is_ours = not (_KERNEL / "register").exists()
    if is_ours:
        subprocess.run(["mount", "-t", "binfmt_misc", "none", str(_KERNEL)], check=True)
    try:
        (_KERNEL / "register").write_text(told.read_text().strip())
        yield
    finally:
        if entry.exists():
            entry.write_text("-1")
        if is_ours:
            subprocess.run(["umount", str(_KERNEL)], check=True)


def options(architecture: Architecture) -> list[str]:
    """Return what `podman run` and `podman build` need so that it is emulated; nothing for our own.

    Packages read in /proc/cpuinfo what processor they are on: what stands there of this machine makes them crash.
    """
    if architecture.is_own:
        return []
    file = cache() / f"cpuinfo-{architecture}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(2 * CPUINFO.format(part=PARTS[EMULATED]), encoding="ascii")
    return [f"--platform=linux/{architecture}", f"--volume={file}:/proc/cpuinfo:ro"]
