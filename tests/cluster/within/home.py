"""A heater's day and a quarter, pushed to the release's own service; the last minutes are odd: `home.py SERVICE`."""

from __future__ import annotations

import http.client
import json
import os
import sys
import time

GRID_MS, READINGS, ODD = 30_000, 30 * 120, 6


def course(now_ms: int) -> dict[str, object]:
    """Return a message of the contract: about 100 W, and in the end 2,600 W at every other reading."""
    seq = range(READINGS)
    power_w = [100.0 + number % 7 for number in seq]
    power_w[-ODD::2] = [2600.0] * (ODD // 2)
    ts_ms = [now_ms - (READINGS - 1 - number) * GRID_MS for number in seq]
    return {
        "v": 1, "site": "home", "device": ["heater"] * READINGS, "ts_ms": ts_ms, "power_w": power_w, "seq": list(seq),
    }  # fmt: skip


def main(service: str) -> None:
    """Push once, by the name that the cluster gives the service; say what was answered."""
    body = json.dumps(course(time.time_ns() // 1_000_000))
    connection = http.client.HTTPConnection(service, 8090, timeout=40)
    token = os.environ["KILOWATCH_SOURCES__PUSH__TOKEN"]
    connection.request("POST", "/v1/readings", body, {"Authorization": f"Bearer {token}"})
    sys.stdout.write(f"{connection.getresponse().status}\n")
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
