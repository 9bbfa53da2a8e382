"""The same job in Quix Streams with its durable state: `python -P quix_peer.py BOOTSTRAP MESSAGES FOLDER FIRST`.

It runs in an environment of its own, which has no kilowatch. MESSAGES holds a JSON reading a line, of FIRST devices;
what comes until each has spoken once is not counted. Prints CPU time a reading, microseconds: of the whole process,
Kafka client and changelog topic included, up to its last checkpoint.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

WINDOW = 200
HOUR_MS = 3_600_000
ALPHA = 0.1
LIMIT, LIMIT_W, OFF_W = 8.0, 1e6, 2.0
TOPIC = "IoTDevices"


def judge(reading: dict[str, Any], state: Any) -> bool:
    """Return whether a reading opens an incident; what `plain.Plain` does, with a device's past in Quix's state."""
    device = state.get("device") or new_device()
    ts_ms, power_w = reading["ts_ms"], reading["power_w"]
    if ts_ms <= device["newest_ms"] or not 0.0 <= power_w < LIMIT_W:
        return False
    device["newest_ms"] = ts_ms
    score = max(by_level(device, power_w), by_hour(device, ts_ms, power_w), by_rest(device, ts_ms, power_w))
    device["odd"] = (device["odd"] << 1 | (score > LIMIT)) & 7
    is_open = device["odd"].bit_count() >= 2
    opens, device["is_open"] = is_open and not device["is_open"], is_open
    device["window"] = [*device["window"][1 - WINDOW :], power_w]
    state.set("device", device)
    return bool(opens)


def new_device() -> dict[str, Any]:
    """Return a device with a full window, as all have after 100 minutes."""
    counts = {"newest_ms": 0, "unchanged": 0, "on_since_ms": 0, "odd": 0, "is_open": False}
    return {**counts, "mean_w": 0.0, "variance": 0.0, "window": [0.0] * WINDOW, "hours": [[0.0, 1e4]] * 24}


def by_level(device: dict[str, Any], power_w: float) -> float:
    """Return how far a reading lies from the moving mean, in spreads."""
    step_w = power_w - device["mean_w"]
    score = float(abs(step_w) / (device["variance"] ** 0.5 + 10.0))
    device["mean_w"] += ALPHA * step_w
    device["variance"] = (1 - ALPHA) * (device["variance"] + ALPHA * step_w * step_w)
    return score


def by_hour(device: dict[str, Any], ts_ms: int, power_w: float) -> float:
    """Return how far a reading lies from what its hour of the day is used to."""
    hour = ts_ms // HOUR_MS % 24
    usual_w, spread_w = device["hours"][hour]
    off_w = abs(power_w - usual_w)
    device["hours"][hour] = [usual_w + ALPHA * (power_w - usual_w), spread_w + ALPHA * (off_w - spread_w)]
    return float(off_w / (spread_w + 1.0))


def by_rest(device: dict[str, Any], ts_ms: int, power_w: float) -> float:
    """Return the loudest of jump, flatness and run length."""
    before_w = device["window"][-1]
    device["unchanged"] = device["unchanged"] + 1 if power_w == before_w else 0
    device["on_since_ms"] = (device["on_since_ms"] or ts_ms) if power_w > OFF_W else 0
    on_h = (ts_ms - device["on_since_ms"]) / HOUR_MS if device["on_since_ms"] else 0.0
    jump = abs(power_w - before_w) / (max(device["window"]) + 10.0)
    return float(max(jump, device["unchanged"] / 240, on_h / 240))


def send(bootstrap: str, messages: list[bytes]) -> None:
    """Publish the readings, keyed by site."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 2_000_000})
    for message in messages:
        producer.produce(TOPIC, message, json.loads(message)["site"].encode())
    producer.flush(120)


def main(bootstrap: str, path: str, folder: str, first: int) -> None:
    """Publish, run Quix over all of it, and print what a reading cost."""
    messages = Path(path).read_bytes().splitlines()
    app = import_module("quixstreams").Application(
        bootstrap, consumer_group="peer", auto_offset_reset="earliest", state_dir=folder, loglevel=None
    )
    topic = app.topic(TOPIC, value_deserializer="json")
    known: set[str] = set()
    started_s, before, seen = 0.0, 0, 0

    def take(reading: dict[str, Any], state: Any) -> bool:
        nonlocal started_s, before, seen
        seen += 1
        # Partitions come in turn: making a device's state counts for nothing until the last one is made.
        if len(known) < first and reading["site"] not in known:
            known.add(reading["site"])
            started_s, before = time.process_time(), seen
        return judge(reading, state)

    send(bootstrap, messages)
    app.dataframe(topic).apply(take, stateful=True)
    app.run(count=len(messages), timeout=300)
    if seen < len(messages) or seen == before:
        sys.exit(f"Quix Streams took {seen} of {len(messages)} readings, {before} of them to know all devices")
    sys.stdout.write(f"{1e6 * (time.process_time() - started_s) / (seen - before)}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
