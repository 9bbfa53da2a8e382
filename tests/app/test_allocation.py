"""What a process holds once large blocks are mapped by themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROBE = """
import sys
import numpy as np
from kilowatch.app.allocation import map_large_blocks

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

if sys.argv[1] == "mapped":
    assert map_large_blocks()
# Freed, such a block lifts the limit under which glibc keeps what is freed.
np.ones(30 * 2**20, dtype=np.uint8)
kept = [np.ones(20 * 2**20, dtype=np.uint8) for _ in range(2)]
del kept[0]
before = resident()
zeros = np.zeros(19 * 2**20, dtype=np.uint8)
print(resident() - before, before)
"""


def resident(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _PROBE, how], capture_output=True, text=True, check=True)
    return sum(map(int, done.stdout.split()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone can be told")
def test_what_is_freed_is_given_back_and_zeros_take_nothing() -> None:
    assert resident("mapped") < resident("as it comes") - 15 * 2**20
