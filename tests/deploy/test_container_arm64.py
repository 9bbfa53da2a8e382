"""The image for arm64, built by its own recipe through qemu: it starts, and decides what the other one decides."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from images.architecture import EMULATED, Architecture, options, runnable
from images.build import IMAGES, build, version
from images.measure import size
from images.podman import podman, run_words

from components.fixtures import needing_components

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.soak, pytest.mark.emulation, pytest.mark.timeout(7200)]
MOST_MB = 175
DAYS, A_DAY, ODD = 3, 2880, 60


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Give the image for arm64, and let the kernel run it."""
    with needing_components(), runnable(Architecture.ARM64):
        yield build(IMAGES["kilowatch"], "test", architecture=Architecture.ARM64)


def says(image: str, *words: str, program: str = "", **mounted: Path) -> str:
    """Run an image's program with nothing allowed, and return what it printed."""
    given = ["--rm", f"--env=QEMU_CPU={EMULATED}", *(f"--volume={path}:/{name}:ro" for name, path in mounted.items())]
    given += [f"--entrypoint={program}"] if program else []
    return podman(*run_words(image, words, [*options(Architecture.ARM64), *given]))


def test_it_is_of_that_architecture_and_as_small(image: str) -> None:
    assert podman("image", "inspect", "--format={{.Architecture}}", image).strip() == "arm64"
    assert says(image, "-m", program="uname").strip() == "aarch64"
    assert size(image).compressed < MOST_MB * 1_000_000


def test_it_says_its_version_with_no_rights(image: str) -> None:
    assert says(image, "--version").strip() == f"kilowatch {version()}"
    assert says(image, "-u", program="id").strip() == "10001"


def test_it_decides_what_this_machine_decides(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "fridge.csv").write_text("\n".join(["time,power_w", *fridge()]))
    words = ["replay", "--learning-days=1", "--json"]
    there = says(image, *words, "--report=/tmp/it.html", "/history/fridge.csv", history=tmp_path)
    own = [sys.executable, "-m", "kilowatch", *words, f"--report={tmp_path}/it.html", str(tmp_path / "fridge.csv")]
    here = subprocess.run(own, capture_output=True, text=True, check=True).stdout
    assert decided(there) == decided(here)
    assert decided(here)["incidents"] == 1


def decided(said: str) -> dict[str, Any]:
    """Return what a replay says, but how long it took."""
    found: dict[str, Any] = json.loads(said)
    return {key: value for key, value in found.items() if key != "seconds"}


def fridge() -> Iterator[str]:
    """Yield three days of a fridge that in the end does not stop."""
    begin = datetime(2026, 1, 5, tzinfo=UTC)
    for number in range(DAYS * A_DAY):
        power_w = (95.0 if number % 80 < 30 else 2.0) + number % 7 if number < DAYS * A_DAY - ODD else 2600.0
        yield f"{(begin + timedelta(seconds=30 * number)).isoformat()},{power_w}"
