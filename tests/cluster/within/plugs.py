"""Simulated plugs in a pod: real servers of a real vendor's protocol, behind each a heater; each switch is a line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from kilowatch.sim.plugs.host import PlugHost
from kilowatch.sim.plugs.shelly2 import Shelly2Plug

if TYPE_CHECKING:
    from kilowatch.sim.plugs.outlet import Outlet

FIRST_PORT = 8081


class Steady:
    """Stands for an outlet behind which a heater draws what it draws."""

    device = "heater"
    fault = None
    is_on = True

    class clock:  # noqa: N801 - only its one method is asked
        @staticmethod
        def now_ms() -> int:
            return time.time_ns() // 1_000_000

    def switch(self, *, on: bool) -> bool:
        was_on, self.is_on = self.is_on, on
        return was_on

    def power_w(self) -> float:
        return 2600.0 if self.is_on else 0.0

    def energy_wh(self) -> float:
        return 1000.0

    def energy_at(self, times_ms: list[int]) -> list[float]:
        return [1000.0] * len(times_ms)

    def voltage_v(self) -> float:
        return 230.0


class Loud(Shelly2Plug):
    """Says whenever it is switched."""

    def switch(self, *, on: bool) -> bool:
        sys.stdout.write(json.dumps({"plug": self.port - FIRST_PORT, "on": on}) + "\n")
        sys.stdout.flush()
        return super().switch(on=on)


class OpenHost(PlugHost):
    """Lets the whole cluster in."""

    async def _listen(self, plug: Any) -> asyncio.Server:
        wanted = asyncio.start_server

        async def everywhere(connected: Any, _: str, port: int, **options: Any) -> asyncio.Server:
            return await wanted(connected, "0.0.0.0", port, **options)  # noqa: S104 - a pod of a test

        asyncio.start_server = everywhere  # type: ignore[assignment]
        try:
            return await super()._listen(plug)
        finally:
            asyncio.start_server = wanted


def main(homes: int) -> None:
    """Be the plugs of so many homes until killed."""
    made = []
    for number in range(homes):
        outlet: Outlet = Steady()  # type: ignore[assignment]
        plug = Loud(outlet)
        plug.port = FIRST_PORT + number
        made.append(plug)
    with OpenHost(made):
        threading.Event().wait()


if __name__ == "__main__":
    main(int(os.environ["HOMES"]))
