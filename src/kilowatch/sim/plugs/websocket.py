"""The RPC channel of a Gen2 plug over WebSocket (RFC 6455): text frames of one call each, login in the frame."""

from __future__ import annotations

import asyncio
import base64
from hashlib import sha1
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.sim.plugs.digest import DigestLogin
from kilowatch.sim.plugs.http import Answer
from kilowatch.sim.plugs.outlet import PlugFault
from kilowatch.sim.plugs.shelly2 import RpcError, Shelly2Plug

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kilowatch.sim.plugs.http import Request
    from kilowatch.sim.plugs.plug import SimPlug

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_MOST_BYTES = 65_536
_A2 = "dummy_method:dummy_uri"
"""What stands for method and target where there are none; from the vendor's documentation of authentication."""


async def serve_websocket(
    plug: SimPlug, upgrade: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer RPC frames until the client leaves; plugs without RPC refuse the upgrade."""
    if not isinstance(plug, Shelly2Plug) or upgrade.path != "/rpc":
        writer.write(Answer(404, b"").raw())
        return
    key = upgrade.headers.get("sec-websocket-key", "")
    accept = base64.b64encode(sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    writer.write("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode())
    channel = _Channel(plug)

    loop = asyncio.get_running_loop()

    def tell() -> None:
        if channel.client and plug.outlet.fault not in {PlugFault.DEAD, PlugFault.MUTE}:
            # not before the answer to whoever has switched it
            loop.call_soon_threadsafe(writer.write, _framed(_TEXT, msgspec.json.encode(channel.notification())))

    plug.watchers.append(tell)
    try:
        await _converse(plug, channel, reader, writer)
    finally:
        plug.watchers.remove(tell)


async def _converse(
    plug: Shelly2Plug, channel: _Channel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    async for payload in _texts(reader, writer):
        if plug.outlet.fault is PlugFault.DEAD:
            writer.transport.abort()
            return
        if plug.outlet.fault is not PlugFault.MUTE:
            writer.write(_framed(_TEXT, msgspec.json.encode(channel.answer(payload))))
            await writer.drain()


class _Channel:
    """One client's conversation; a nonce serves for all of it. client: its name once it was let in, else empty."""

    def __init__(self, plug: Shelly2Plug) -> None:
        self.client = ""
        self._plug = plug
        # aioshelly before 9 sends one proof, without its count, with every call of a connection
        self._login = DigestLogin(plug.identity, reusable=True, counted=False)

    def answer(self, payload: bytes) -> dict[str, Any]:
        try:
            frame = msgspec.json.decode(payload, type=dict[str, Any])
        except msgspec.DecodeError:
            return {"src": self._plug.identity, "error": {"code": -103, "message": "Invalid argument"}}
        reply = {"id": frame.get("id"), "src": self._plug.identity, "dst": frame.get("src")}
        if not self._lets_in(frame):
            return {**reply, "error": {"code": 401, "message": self._challenge()}}
        self.client = str(frame.get("src") or "")
        self._plug.source = "WS_in"
        method = str(frame.get("method"))
        try:
            result = self._plug.call(method, frame.get("params") or {})
        except RpcError as error:
            self._plug.witness("WS", method, error.code)
            return {**reply, "error": {"code": error.code, "message": error.message}}
        self._plug.witness("WS", method, 200)
        return {**reply, "result": result}

    def notification(self) -> dict[str, Any]:
        """Return what the client is told, unasked, when the switch has changed."""
        now_s = self._plug.outlet.clock.now_ms() / 1000
        params = {"ts": now_s, "switch:0": self._plug.status()}
        return {"src": self._plug.identity, "dst": self.client, "method": "NotifyStatus", "params": params}

    def _challenge(self) -> str:
        challenge = {"auth_type": "digest", "nonce": self._login.new_nonce(), "nc": 1}
        return msgspec.json.encode({**challenge, "realm": self._login.realm, "algorithm": "SHA-256"}).decode()

    def _lets_in(self, frame: dict[str, Any]) -> bool:
        if self._plug.password is None or frame.get("method") == "Shelly.GetDeviceInfo":
            return True
        given = frame.get("auth")
        if not isinstance(given, dict):
            return False
        parts = {"nc": "1", **{name: str(part) for name, part in given.items()}}
        return self._login.proves(parts, _A2, self._plug.password)


async def _texts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Yield the text messages of a client; answer its pings and its farewell."""
    try:
        while True:
            opcode, payload = await _frame(reader)
            if opcode == _TEXT:
                yield payload
            elif opcode == _PING:
                writer.write(_framed(_PONG, payload))
            elif opcode == _CLOSE:
                writer.write(_framed(_CLOSE, payload))
                return
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        return


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
    # RFC 6455: who does not mask is cut off. Calls are short, so that long ones and pieces are not taken either.
    if length > _MOST_BYTES or not second & 0x80 or not first & 0x80:
        raise ValueError("too long, in pieces or not masked")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def _framed(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65_536:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big") + payload
