"""`kilowatch bench web`: first paint, bytes, CPU and memory of `kilowatch run` with its page, /metrics of a fleet.

The edge is a process of its own, fed over its push endpoint as a home would feed it; browsers are real ones.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import numpy as np

from kilowatch.core.events import WIRE_V, ReadingColumns
from kilowatch.errors import ComponentError, MissingExtraError
from kilowatch.lab.bench.pipeline.goals import at_most, printed, skipped
from kilowatch.lab.bench.web_metrics import scrape_ms
from kilowatch.links.wall import wall_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kilowatch.core.outputs import BenchRow

DEVICES, BROWSERS, FLEET = 50, 3, 10_000
MANY_DEVICES, MANY_BROWSERS = 500, 10
_TOKEN = "of-a-bench-on-loopback"  # noqa: S105 - of a process that lives for a minute
_STARTS_WITHIN_S = 60.0
_SETTLE_S = 5.0
_MB = 1e6
_PAINT_GOAL_MS, _BYTES_GOAL_MB, _CPU_GOAL, _SCRAPE_GOAL_MS, _MEMORY_GOAL_MB = 1000, 1.5, 25, 50, 180
_PAINTED = """() => {
  const all = [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')];
  return [performance.getEntriesByName('first-contentful-paint')[0].startTime,
          all.reduce((sum, one) => sum + one.transferSize, 0)];
}"""
_FRAMES = """() => new Promise(done => {
  const gaps = [];
  let last = performance.now();
  const until = last + 5000;
  const tick = now => {
    gaps.push(now - last);
    last = now;
    now < until ? requestAnimationFrame(tick) : done(gaps.sort((a, b) => a - b)[Math.floor(gaps.length * 0.99)]);
  };
  requestAnimationFrame(tick);
})"""
_SETTINGS = """
[site]
name = "home"
[web]
port = {web}
token_file = "{token}"
[metrics]
enabled = false
[data]
folder = "{folder}"
[sources.push]
enabled = true
port = {push}
token_file = "{token}"
"""


def rows(say: Callable[[str], None], *, quick: bool) -> list[BenchRow]:
    """Measure everything; `quick` looks for shorter and less often."""
    say(f"/metrics of {FLEET:,} devices")
    found: list[BenchRow] = [at_most("metrics_10k_devices_ms", scrape_ms(FLEET), "ms", _SCRAPE_GOAL_MS)]
    if shutil.which("chromium") is None:
        return [*found, skipped("first_paint_ms", "needs Chromium")]
    with TemporaryDirectory() as name, edge(Path(name)) as (port, process):
        say("first paint")
        paints = painted(port, 2 if quick else 9)
        say(f"{BROWSERS} browsers before {DEVICES} devices")
        usual = load(port, process.pid, 10.0 if quick else 60.0, BROWSERS)
    with TemporaryDirectory() as name, edge(Path(name), MANY_DEVICES) as (port, process):
        say(f"{MANY_BROWSERS} browsers before {MANY_DEVICES} devices")
        crowd = load(port, process.pid, 5.0 if quick else 30.0, MANY_BROWSERS)
    paint_ms = statistics.median(paint for paint, _ in paints)
    bytes_mb = max(size for _, size in paints) / _MB
    return [
        *found,
        at_most("first_paint_ms", paint_ms, "ms", _PAINT_GOAL_MS),
        at_most("transferred_mb", bytes_mb, "MB", _BYTES_GOAL_MB),
        at_most("server_cpu_percent", usual.cpu_percent, "%", _CPU_GOAL),
        at_most("run_with_page_mb", usual.memory_mb, "MB", _MEMORY_GOAL_MB),
        printed("frame_p99_ms", usual.frame_p99_ms, "ms", f"{BROWSERS} browsers, {DEVICES} devices"),
        printed("crowd_cpu_percent", crowd.cpu_percent, "%", f"{MANY_BROWSERS} browsers, {MANY_DEVICES} devices"),
        printed("crowd_run_mb", crowd.memory_mb, "MB"),
        printed("crowd_frame_p99_ms", crowd.frame_p99_ms, "ms", "the browsers share the machine with the server"),
    ]


@dataclass(frozen=True, slots=True)
class Load:
    """What browsers cost the server, of one core and in memory, and what one of them sees between two frames."""

    cpu_percent: float
    memory_mb: float
    frame_p99_ms: float


@contextmanager
def edge(folder: Path, devices: int = DEVICES) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run `kilowatch run` in a folder, fed with devices once a second; give the page's port and the process."""
    web, push = _free_port(), _free_port()
    settings = folder / "kilowatch.toml"
    token = folder / "token"
    token.write_text(_TOKEN, encoding="utf-8")
    token.chmod(0o600)
    settings.write_text(_SETTINGS.format(web=web, push=push, token=token, folder=folder / "data"), encoding="utf-8")
    command = [sys.executable, "-m", "kilowatch", "run", "--config", str(settings)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603 - ourselves
    stop = threading.Event()
    feeder = threading.Thread(target=_feed, args=(push, stop, devices), daemon=True)
    try:
        _wait(process, web, folder / "log")
        feeder.start()
        time.sleep(_SETTLE_S)
        yield web, process
    finally:
        stop.set()
        process.terminate()
        process.wait(30)
        log.close()


def painted(port: int, times: int) -> list[tuple[float, float]]:
    """Return first contentful paint, ms, and bytes transferred of fresh browsers without a cache."""
    with browser() as opened:
        found = []
        for _ in range(times):
            context = opened.new_context()
            page = context.new_page()
            _sign_in(page, port)
            paint_ms, size = page.evaluate(_PAINTED)
            found.append((float(paint_ms), float(size)))
            context.close()
        return found


def load(port: int, pid: int, seconds: float, browsers: int) -> Load:
    """Return what so many browsers that look cost."""
    with browser() as opened, ExitStack() as stack:
        for _ in range(browsers):
            page = stack.enter_context(opened.new_context()).new_page()
            _sign_in(page, port)
        time.sleep(_SETTLE_S)
        before_s, began_s = _cpu_s(pid), time.monotonic()
        time.sleep(seconds)
        share = 100 * (_cpu_s(pid) - before_s) / (time.monotonic() - began_s)
        return Load(share, _resident_mb(pid), float(page.evaluate(_FRAMES)))


@contextmanager
def browser() -> Iterator[Any]:
    """Open Chromium; `MissingExtraError` without playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise MissingExtraError("playwright", "dev") from error
    with sync_playwright() as player:
        # Chromium's sandbox does not start as root in a container; the only page is our own.
        opened = player.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


def _sign_in(page: Any, port: int) -> None:
    page.set_default_timeout(_STARTS_WITHIN_S * 1000)
    page.goto(f"http://127.0.0.1:{port}/?token={_TOKEN}")
    page.locator("li.device").first.wait_for()


def _feed(port: int, stop: threading.Event, devices: int) -> None:
    """Send a reading of every device once a second."""
    rng = np.random.default_rng(0)
    names = [f"device-{number:03d}" for number in range(devices)]
    # No proxy of the environment may come between two processes of one machine.
    with httpx.Client(headers={"Authorization": f"Bearer {_TOKEN}"}, trust_env=False) as client:
        while not stop.wait(1.0 - time.time() % 1.0):
            power_w = np.round(100 + 20 * rng.standard_normal(devices), 1).tolist()
            batch = ReadingColumns(v=WIRE_V, site="home", device=names, ts_ms=[wall_ms()] * devices, power_w=power_w)
            # A reading that is lost while the server is busy must not end the feed.
            with suppress(httpx.HTTPError):
                client.post(f"http://127.0.0.1:{port}/v1/readings", content=msgspec.json.encode(batch))


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline_s = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                return
        time.sleep(0.2)
    raise ComponentError("kilowatch run did not come up.", f"It said: {log.read_text(errors='replace')[-500:]}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MB
