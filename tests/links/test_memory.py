"""A file may be larger than memory: what reading costs does not grow with it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LINE_BYTES = 40
READ = """
import resource, sys
from pathlib import Path
from kilowatch.links.files import ReadOptions, describe, open_sources

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

small, large = (open_sources([Path(path)], ReadOptions()).sources[0] for path in sys.argv[1:])
describe(small)
before = peak_mb()
(described, *_) = describe(large)
print(described.rows, large.problem_rows, peak_mb() - before)
"""


def huge(path: Path, size: int) -> int:
    """Write a CSV of about `size` bytes and return its rows."""
    rows = size // LINE_BYTES
    with path.open("w") as file:
        file.write("timestamp,power_w,energy_wh\n")
        for start in range(0, rows, 10_000):
            file.writelines(
                f"{1_717_200_000_000 + 1000 * row},{row % 2000}.{row % 97:02d},{1_000_000_000 + row / 4:.2f}\n"
                for row in range(start, min(start + 10_000, rows))
            )
    return rows


def growth_mb(tmp_path: Path, size: int) -> float:
    """Return by how much reading a file of `size` bytes outgrows the peak of reading a small one."""
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    huge(small, 6_000_000)
    rows = huge(large, size)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(small), str(large)], capture_output=True, text=True, check=True
    )
    counted, problems, grown = done.stdout.split()
    assert (int(counted), int(problems)) == (rows, 0)
    return float(grown)


def test_a_file_five_times_as_large_needs_hardly_more(tmp_path: Path) -> None:
    assert growth_mb(tmp_path, 30_000_000) < 40


@pytest.mark.soak
def test_a_huge_file_needs_hardly_more(tmp_path: Path) -> None:
    assert growth_mb(tmp_path, 100_000_000) < 60
