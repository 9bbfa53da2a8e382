"""The simulated Gen2 plug through the eyes of aioshelly, the client that Home Assistant uses: nobody here wrote it."""

from __future__ import annotations

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import pytest

from kilowatch.sim.plugs import Make, PlugFault
from sim.plugs.hosted import host_of, plug_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aioshelly.common import ConnectionOptions, get_info
    from aioshelly.exceptions import DeviceConnectionError, InvalidAuthError, RpcCallError
    from aioshelly.rpc_device import RpcDevice, WsServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from kilowatch.sim.plugs import SimPlug

T = TypeVar("T")
PASSWORD = "correct horse"  # noqa: S105


def in_a_loop(asked: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: a browser of another test may hold a loop in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, asked).result()


@pytest.fixture
def sim() -> Iterator[SimPlug]:
    sim = plug_of(Make.SHELLY2, password=PASSWORD)
    with host_of(sim):
        yield sim


@asynccontextmanager
async def client_of(sim: SimPlug, password: str | None = PASSWORD) -> AsyncIterator[RpcDevice]:
    """Give aioshelly's device, connected by WebSocket and initialised."""
    options = ConnectionOptions("127.0.0.1", "admin", password, port=sim.port)
    async with aiohttp.ClientSession() as session:
        device = await RpcDevice.create(session, WsServer(), options)
        try:
            await device.initialize()
            # it takes notifications in only while somebody listens
            device.subscribe_updates(lambda _device, _kind: None)
            yield device
        finally:
            await device.shutdown()


async def told(device: RpcDevice, *, output: bool) -> dict[str, Any]:
    """Return the switch's status as soon as aioshelly was told, unasked, that it is so."""
    async with asyncio.timeout(10):
        while device.status["switch:0"]["output"] is not output:
            await asyncio.sleep(0.02)
    status: dict[str, Any] = device.status["switch:0"]
    return status


def test_it_knows_the_plug_by_what_it_says_of_itself(sim: SimPlug) -> None:
    async def ask() -> dict[str, Any]:
        async with aiohttp.ClientSession() as session:
            info: dict[str, Any] = await get_info(session, "127.0.0.1", port=sim.port)
            return info

    info = in_a_loop(ask())
    assert (info["model"], info["gen"], info["auth_en"]) == ("SNPL-00112EU", 2, True)


def test_login_status_and_meter_are_understood(sim: SimPlug) -> None:
    async def ask() -> tuple[str, bool, dict[str, Any]]:
        async with client_of(sim) as device:
            return device.model, device.requires_auth, device.status["switch:0"]

    model, requires_auth, status = in_a_loop(ask())
    assert (model, requires_auth) == ("SNPL-00112EU", True)
    assert status["output"] is True
    assert status["apower"] == pytest.approx(11, abs=2)
    assert status["aenergy"]["total"] == pytest.approx(sim.outlet.energy_wh(), abs=1.0)


def test_a_wrong_password_is_refused_and_switches_nothing(sim: SimPlug) -> None:
    async def ask() -> None:
        async with client_of(sim, "wrong") as device:
            await device.call_rpc("Switch.Set", {"id": 0, "on": False})

    with pytest.raises(InvalidAuthError):
        in_a_loop(ask())
    assert sim.outlet.is_on


def test_off_and_on_are_told_without_asking(sim: SimPlug) -> None:
    async def switch() -> list[tuple[bool, float]]:
        async with client_of(sim) as device:
            seen = []
            for on in (False, True):
                await device.call_rpc("Switch.Set", {"id": 0, "on": on})
                status = await told(device, output=on)
                seen.append((status["output"], status["apower"]))
            return seen

    off, on = in_a_loop(switch())
    assert off == (False, 0.0)
    assert on[0]
    assert on[1] == pytest.approx(11, abs=2)
    assert [seen.switched for seen in sim.seen if seen.switched is not None] == [False, True]


def test_what_another_switches_is_told_too(sim: SimPlug) -> None:
    async def watch() -> bool:
        async with client_of(sim) as device, client_of(sim) as other:
            await other.call_rpc("Switch.Toggle", {"id": 0})
            return bool((await told(device, output=False))["output"])

    assert in_a_loop(watch()) is False


def test_calls_that_it_does_not_know_are_refused_by_code(sim: SimPlug) -> None:
    async def ask() -> int:
        async with client_of(sim) as device:
            with pytest.raises(RpcCallError) as refused:
                await device.call_rpc("Cover.Open", {"id": 0})
            return int(refused.value.code)

    assert in_a_loop(ask()) == 404


def test_a_dead_plug_is_one_that_cannot_be_reached(sim: SimPlug) -> None:
    sim.outlet.fault = PlugFault.DEAD

    async def ask() -> None:
        async with client_of(sim):
            pass

    with pytest.raises(DeviceConnectionError):
        in_a_loop(ask())
