"""A Raspberry Pi's processor on this machine: `python scripts/emulate.py` makes the machine under .run/aarch64.

Debian's Python and the real aarch64 wheels are unpacked there, and run under qemu-user-static with the processor of a
Pi 3 (Cortex-A53), 4 (A72) or 5 (A76): that wheels install, import and decide alike can be seen so, times cannot.

    python scripts/emulate.py cortex-a53 -m kilowatch.nets.runtime MODEL WINDOW.csv onnxruntime
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".run" / "aarch64"
QEMU = "qemu-aarch64-static"
PROCESSORS = ("cortex-a53", "cortex-a72", "cortex-a76")
DEBIAN = (
    *("python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libstdc++6", "libgcc-s1"),
    *("zlib1g", "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5", "libuuid1"),
)
WHEELS = ("numpy", "onnxruntime", "msgspec")
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
CPUINFO = """processor\t: 0
BogoMIPS\t: 38.40
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 4

"""
PARTS = {"cortex-a53": "0xd03", "cortex-a72": "0xd08", "cortex-a76": "0xd0b"}


def missing() -> str:
    """Return why nothing can be emulated here, empty where it can."""
    if shutil.which(QEMU) is None:
        return "qemu-user-static is not installed"
    return "" if (HOME / "ready").exists() else "make the machine with: python scripts/emulate.py"


def make() -> None:
    """Unpack Python and the wheels; needs apt and a package index."""
    shutil.rmtree(HOME, ignore_errors=True)
    debs = HOME / "debs"
    (debs / "lists" / "partial").mkdir(parents=True)
    # Lists of their own: this machine's architectures stay as they are.
    apt = ["apt-get", "-oAPT::Architecture=arm64", "-oAPT::Architectures=arm64", f"-oDir::State::Lists={debs}/lists"]
    _run([*apt, "-q", "update"], debs)
    _run([*apt, "-q", "download", *DEBIAN], debs)
    for deb in sorted(debs.glob("*.deb")):
        _run(["dpkg", "-x", deb.name, str(HOME / "root")], debs)
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    _run([*pip, "--python-version", "3.11", *platforms, "--target", str(HOME / "site"), *WHEELS], HOME)
    shutil.rmtree(debs)
    (HOME / "ready").touch()


def command(processor: str, arguments: list[str]) -> list[str]:
    """Return the words that run Python with arguments on a processor."""
    # The wheels read what processor they are on from /proc: that of the host makes them crash.
    cpuinfo = HOME / "root" / "proc" / "cpuinfo"
    cpuinfo.parent.mkdir(exist_ok=True)
    cpuinfo.write_text(4 * CPUINFO.format(part=PARTS[processor]), encoding="ascii")
    return [QEMU, "-cpu", processor, "-L", str(HOME / "root"), str(HOME / "root/usr/bin/python3.11"), *arguments]


def environment() -> dict[str, str]:
    """Return the variables of an emulated Python: our sources, its wheels, its standard library."""
    paths = os.pathsep.join((str(ROOT / "src"), str(HOME / "site")))
    return {
        "PATH": "/usr/bin",
        "PYTHONHOME": str(HOME / "root/usr"),
        "PYTHONPATH": paths,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def run(processor: str, arguments: list[str], timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments on a processor."""
    return subprocess.run(
        command(processor, arguments),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def _run(words: list[str], folder: Path) -> None:
    subprocess.run(words, cwd=folder, check=True)


def main(arguments: list[str]) -> int:
    """Make the machine, or run Python on it."""
    if not arguments:
        make()
        return 0
    done = run(arguments[0], arguments[1:])
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
