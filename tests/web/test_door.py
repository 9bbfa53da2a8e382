"""The door on a real server: sessions of browsers, other sites that try to use them, and who tries too often."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx
import pytest

from kilowatch.web.access import Role
from kilowatch.web.door import cookie_of
from kilowatch.web.failures import MOST
from web.rooms import TOKENS, Rooms, rooms_in, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HTML = {"Accept": "text/html"}
DISARM = "/api/v1/devices/home/heater/disarm"


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    rooms = rooms_in(tmp_path)
    yield rooms
    rooms.close()


@pytest.fixture
def browser(rooms: Rooms) -> Iterator[httpx.Client]:
    with serving(rooms) as address, httpx.Client(base_url=address, timeout=20.0, trust_env=False) as client:
        yield client


def test_an_address_with_a_token_becomes_a_session_without_it(browser: httpx.Client) -> None:
    answer = browser.get(f"/?a=1&token={TOKENS[Role.OPERATOR]}&b=2")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?a=1&b=2"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKENS[Role.OPERATOR] not in cookie
    assert browser.get("/api/v1/me").json()["name"] == "operator"


def test_a_redirect_never_leads_elsewhere(browser: httpx.Client) -> None:
    answer = browser.get(f"//evil.example/x?token={TOKENS[Role.VIEWER]}")
    assert answer.headers["location"].startswith("/evil") or answer.headers["location"] == "/x"


def test_a_browser_without_a_session_is_asked_to_sign_in(browser: httpx.Client) -> None:
    assert browser.get("/", headers=HTML).headers["location"] == "/sign-in"
    form = browser.get("/sign-in")
    assert form.status_code == 200
    assert 'name="token"' in form.text
    wrong = browser.post("/sign-in", data={"token": "not the token"})
    assert wrong.status_code == 403
    right = browser.post("/sign-in", data={"token": TOKENS[Role.VIEWER]})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert browser.get("/api/v1/me").json()["role"] == "viewer"


def test_another_site_cannot_use_a_session(browser: httpx.Client, rooms: Rooms) -> None:
    browser.get(f"/?token={TOKENS[Role.ADMIN]}")
    own = f"http://{browser.base_url.host}:{browser.base_url.port}"
    for headers in (
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://{browser.base_url.host}:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert browser.post(DISARM, headers=headers).status_code == 401
    assert rooms.house.overview().armed == ["home/heater"]
    assert browser.post(DISARM, headers={"Origin": own}).status_code == 200
    assert rooms.house.overview().armed == []


def test_a_forged_session_opens_nothing(browser: httpx.Client) -> None:
    for value in ("", "x", "61646d696e.99999999999.00", "é"):
        cookie = f"{cookie_of(str(browser.base_url.netloc, 'ascii'))}={value}".encode("latin-1")
        assert browser.get("/api/v1/me", headers={b"cookie": cookie}).status_code == 401


def test_a_token_in_the_address_does_not_change_anything(browser: httpx.Client) -> None:
    assert browser.post(f"{DISARM}?token={TOKENS[Role.ADMIN]}").status_code == 401


def test_who_tries_too_often_waits_and_sessions_go_on(browser: httpx.Client) -> None:
    session = dict(browser.get(f"/?token={TOKENS[Role.VIEWER]}").cookies)
    browser.cookies.clear()
    for _ in range(MOST):
        assert browser.get("/api/v1/me", headers={"Authorization": "Bearer wrong"}).status_code == 401
    late = browser.get("/api/v1/me", headers={"Authorization": f"Bearer {TOKENS[Role.ADMIN]}"})
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 61
    assert set(late.json()) == {"error", "hint"}
    assert browser.post("/sign-in", data={"token": TOKENS[Role.ADMIN]}).status_code == 429
    browser.cookies.update(session)
    assert browser.get("/api/v1/me").status_code == 200


def test_the_server_writes_no_addresses_down(browser: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        browser.get(f"/?token={TOKENS[Role.VIEWER]}")
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert all(TOKENS[Role.VIEWER] not in record.getMessage() for record in ours)


def test_a_house_on_another_port_does_not_sign_anybody_out(browser: httpx.Client, tmp_path: Path) -> None:
    browser.get(f"/?token={TOKENS[Role.ADMIN]}")
    (tmp_path / "other").mkdir()
    other = rooms_in(tmp_path / "other")
    # A browser keeps one jar for all ports of a host, and so does this client.
    with serving(other) as address:
        assert browser.get(f"{address}/?token={TOKENS[Role.VIEWER]}").status_code == 303
        assert browser.get(f"{address}/api/v1/me").json()["name"] == "viewer"
    other.close()
    assert browser.get("/api/v1/me").json()["name"] == "admin"


def test_a_token_in_the_address_counts_more_than_the_session(browser: httpx.Client) -> None:
    browser.get(f"/?token={TOKENS[Role.VIEWER]}")
    browser.get(f"/?token={TOKENS[Role.ADMIN]}")
    assert browser.get("/api/v1/me").json()["name"] == "admin"
    assert browser.get("/?token=wrong").headers["location"] == "/"
    assert browser.get("/api/v1/me").json()["name"] == "admin"


def test_who_is_signed_in_cannot_go_on_guessing_the_token_of_another(browser: httpx.Client) -> None:
    browser.get(f"/?token={TOKENS[Role.VIEWER]}")
    for _ in range(MOST):
        browser.get("/?token=wrong")
    browser.get(f"/?token={TOKENS[Role.ADMIN]}")
    assert browser.get("/api/v1/me").json()["name"] == "viewer"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/past/%E6%97%A5", "/past/%E6%97%A5"),
        ("/device/home/a%2Fb%20c", "/device/home/a%2Fb%20c"),
        ("/%5Cevil.example", "/%5Cevil.example"),
    ],
)
def test_any_path_survives_the_token(browser: httpx.Client, path: str, location: str) -> None:
    answer = browser.get(f"{path}?token={TOKENS[Role.VIEWER]}")
    assert (answer.status_code, answer.headers["location"]) == (303, location)
