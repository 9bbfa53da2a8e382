"""Environments for the peers of `kilowatch bench`, in .run/peers: `python scripts/peers.py [NAMES]`.

Names: openvino, litert, tensorflow (with Keras 2, which alone writes LiteRT's fused file), jax, quix, torch. Without
names the first four are made, which `bench edge` and `bench train` look for. The wheel of torch brings gigabytes of
GPU libraries, unless pip finds a CPU wheel: say where with PIP_INDEX_URL or PIP_FIND_LINKS. What is there stays.
"""

from __future__ import annotations

import sys

from kilowatch.errors import KilowatchError
from kilowatch.lab.bench.edge_peers import ON_DEMAND, PACKAGES, install


def main(names: list[str]) -> int:
    """Make what is named; return the exit code."""
    unknown = sorted({*names} - PACKAGES.keys())
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(PACKAGES)}", file=sys.stderr)
        return 2
    try:
        install(print, names or ON_DEMAND)
    except KilowatchError as error:
        print(f"error {error}\n      {error.hint}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
