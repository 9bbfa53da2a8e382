"""Becomes the owner of a fresh Home Assistant and prints a long-lived token; run by Home Assistant's own Python."""

from __future__ import annotations

import asyncio
import sys

import aiohttp

_WHO = {"name": "kilowatch", "username": "kilowatch", "password": "not-a-secret", "language": "en"}


async def main(url: str) -> str:
    """Go through onboarding as its page does, and return the token."""
    client = f"{url}/"
    async with aiohttp.ClientSession(url, raise_for_status=True) as session:
        async with session.post("/api/onboarding/users", json={"client_id": client, **_WHO}) as answer:
            code = (await answer.json())["auth_code"]
        grant = {"client_id": client, "grant_type": "authorization_code", "code": code}
        async with session.post("/auth/token", data=grant) as answer:
            access = (await answer.json())["access_token"]
        return await _lasting(session, access)


async def _lasting(session: aiohttp.ClientSession, access: str) -> str:
    async with session.ws_connect("/api/websocket") as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": access})
        await socket.receive_json()
        wish = {"id": 1, "type": "auth/long_lived_access_token", "client_name": "kilowatch", "lifespan": 365}
        await socket.send_json(wish)
        return str((await socket.receive_json())["result"])


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1])))
