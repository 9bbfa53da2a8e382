"""The API on a real server: what it tells, who may do what, and how it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from kilowatch.core.device import DeviceRecord, Kind, Stage
from kilowatch.core.events import LabelWord
from kilowatch.core.jobs import JobKind, SwitchWish
from kilowatch.core.records import LabelEntry
from kilowatch.core.shadow import ShadowCount, ShadowOutput, ShadowSpan, Verdicts
from kilowatch.links.database.shadow import ShadowBook
from kilowatch.web.access import Role
from kilowatch.web.views import DevicePage, HistoryView, IncidentPage, Incidents, Jobs, Overview
from web.rooms import HOUR_MS, NOW_MS, ODD, Rooms, caller, rooms_in, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

HEATER, FRIDGE = "/api/v1/devices/home/heater", "/api/v1/devices/home/fridge"
KETTLE = "/api/v1/devices/home/kitchen%2Fkettle%201"


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    rooms = rooms_in(tmp_path_factory.mktemp("house"))
    yield rooms
    rooms.close()


@pytest.fixture(scope="module")
def address(rooms: Rooms) -> Iterator[str]:
    with serving(rooms) as address:
        yield address


@pytest.fixture
def viewer(address: str) -> Iterator[httpx.Client]:
    with caller(address, Role.VIEWER) as client:
        yield client


@pytest.fixture
def operator(address: str) -> Iterator[httpx.Client]:
    with caller(address, Role.OPERATOR) as client:
        yield client


@pytest.fixture
def admin(address: str) -> Iterator[httpx.Client]:
    with caller(address, Role.ADMIN) as client:
        yield client


@pytest.fixture
def nobody(address: str) -> Iterator[httpx.Client]:
    with caller(address, None) as client:
        yield client


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert set(said) == {"error", "hint"}
    assert said["error"]
    assert said["hint"]
    return str(said["error"])


def read(client: httpx.Client, path: str, kind: Any, **asked: Any) -> Any:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return msgspec.json.decode(answer.content, type=kind, strict=True)


def test_a_viewer_sees_the_house(viewer: httpx.Client) -> None:
    seen = read(viewer, "/api/v1/overview", Overview)
    assert [card.device for card in seen.devices] == ["fridge", "heater", "kitchen/kettle 1", "lamp", "meter"]
    page = read(viewer, HEATER, DevicePage)
    assert page.card.is_armed
    past = read(viewer, HEATER + "/history", HistoryView, from_ms=NOW_MS - HOUR_MS, to_ms=NOW_MS, points=50)
    assert 0 < len(past.start_ms) <= 50
    found = read(viewer, "/api/v1/incidents", Incidents, open=True)
    assert [one.incident.event.id for one in found.incidents] == [ODD.id]
    assert read(viewer, f"/api/v1/incidents/{ODD.id}", IncidentPage).incident.event == ODD


def test_the_next_page_of_incidents_goes_on_after_the_last_one(viewer: httpx.Client) -> None:
    first = read(viewer, "/api/v1/incidents", Incidents, limit=1).incidents[-1].incident.event
    asked = {"before_ms": first.first_ms, "after_id": first.id}
    assert [one.incident.event.id for one in read(viewer, "/api/v1/incidents", Incidents, **asked).incidents] == [
        "over-meter"
    ]


def test_a_slash_in_a_name_is_part_of_it(viewer: httpx.Client, operator: httpx.Client) -> None:
    assert read(viewer, KETTLE, DevicePage).record.device == "kitchen/kettle 1"
    assert read(viewer, KETTLE + "/history", HistoryView).device == "kitchen/kettle 1"
    muted = operator.post(KETTLE + "/mute", json={"until_ms": NOW_MS + HOUR_MS})
    assert msgspec.json.decode(muted.content, type=DeviceRecord).muted_until == NOW_MS + HOUR_MS


def test_where_a_candidate_disagrees_is_told_of_kinds_that_have_one(rooms: Rooms, viewer: httpx.Client) -> None:
    refused(viewer.get("/api/v1/models/heater/shadow"), 404)
    whose = {"site": "home", "device": "heater", "live": "", "model": "c" * 64}
    span = ShadowSpan(**whose, from_ms=1, to_ms=2, verdicts=Verdicts(shadow_alone=1), live_peak=0.2, shadow_peak=1.5)
    count = ShadowCount(**whose, kind="heater", first_ms=1, last_ms=2, samples=4, verdicts=Verdicts(shadow_alone=1))
    with rooms.database.begin() as transaction:
        ShadowBook(transaction.connection).add([count], [span])
    rooms.registry.choose_model(Kind.HEATER, None, "c" * 64)
    told = read(viewer, "/api/v1/models/heater/shadow", ShadowOutput)
    assert (told.live, told.model, told.evidence.agreement) == (None, "c" * 64, 0.75)
    assert told.disagreements == [span]


def test_without_a_token_nothing_is_told(nobody: httpx.Client) -> None:
    for path in ("/api/v1/overview", HEATER, "/api/v1/audit", "/metrics", "/api/v1/openapi.json", "/api/v1/nothing"):
        answer = nobody.get(path)
        refused(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    assert nobody.get("/healthz").json()["ok"] is True
    assert nobody.get("/readyz").json()["ok"] is True
    assert nobody.post(HEATER + "/arm").status_code == 401


DEEDS = [
    (Role.ADMIN, HEATER + "/arm", None),
    (Role.OPERATOR, HEATER + "/disarm", None),
    (Role.OPERATOR, HEATER + "/protect", {"protected": True}),
    (Role.ADMIN, HEATER + "/protect", {"protected": False}),
    (Role.OPERATOR, HEATER + "/mute", {"until_ms": 0}),
    (Role.OPERATOR, HEATER + "/switch", {"on": True}),
    (Role.OPERATOR, f"/api/v1/incidents/{ODD.id}/label", {"label": "real"}),
    (Role.OPERATOR, f"/api/v1/incidents/{ODD.id}/undo", None),
    (Role.OPERATOR, f"/api/v1/incidents/{ODD.id}/ack", None),
    (Role.OPERATOR, "/api/v1/jobs/rehearse", {"days": 7}),
    (Role.OPERATOR, "/api/v1/jobs/1/give-up", None),
    (Role.ADMIN, "/api/v1/models/tv/promote", {"live": "a" * 64}),
    (Role.ADMIN, "/api/v1/models/tv/rollback", None),
]


@pytest.mark.parametrize(("least", "path", "body"), DEEDS)
def test_a_role_that_is_not_enough_changes_nothing(
    rooms: Rooms, address: str, least: Role, path: str, body: dict[str, Any] | None
) -> None:
    with rooms.database.read() as transaction:
        before = transaction.audit.last(1000), transaction.devices.all(), transaction.jobs.last(1000)
    for role in Role:
        if role.may(least):
            continue
        with caller(address, role) as client:
            assert role.value in refused(client.post(path, json=body), 403)
    with rooms.database.read() as transaction:
        assert (transaction.audit.last(1000), transaction.devices.all(), transaction.jobs.last(1000)) == before


def test_arm_and_disarm_go_the_way_of_the_command_line(admin: httpx.Client, rooms: Rooms) -> None:
    disarmed = msgspec.json.decode(admin.post(HEATER + "/disarm").content, type=DeviceRecord)
    assert disarmed.stage is Stage.WATCHING
    armed = msgspec.json.decode(admin.post(HEATER + "/arm").content, type=DeviceRecord)
    assert armed.stage is Stage.ARMED
    with rooms.database.read() as transaction:
        assert [entry.what for entry in transaction.audit.last(3, "home", "heater")] == ["rearm", "edit", "edit"]
        assert {entry.who for entry in transaction.audit.last(3, "home", "heater")} == {"admin"}
        assert transaction.outbox.waiting() > 0
    assert "protected" in refused(admin.post(FRIDGE + "/arm"), 409)
    assert "learnt" in refused(admin.post("/api/v1/devices/home/lamp/arm"), 409)


def test_only_an_admin_takes_protection_away(admin: httpx.Client, operator: httpx.Client) -> None:
    refused(operator.post(FRIDGE + "/protect", json={"protected": False}), 403)
    assert admin.post(FRIDGE + "/protect", json={"protected": False}).json().get("protected") is False
    assert operator.post(FRIDGE + "/protect", json={"protected": True}).status_code == 200


def test_a_label_is_kept_and_taken_back(operator: httpx.Client, rooms: Rooms) -> None:
    path = f"/api/v1/incidents/{ODD.id}"
    entry = msgspec.json.decode(operator.post(path + "/label", json={"label": "wrong"}).content, type=LabelEntry)
    assert (entry.label, entry.who) == (LabelWord.WRONG, "operator")
    assert operator.get(path).json()["incident"]["label"] == "wrong"
    assert operator.post(path + "/undo").status_code == 200
    assert operator.get(path).json()["incident"].get("label") is None
    assert "no label" in refused(operator.post(path + "/undo"), 409)
    assert [one["what"] for one in operator.post(path + "/ack").json()["audit"]] == ["label", "undo", "ack"]


def test_a_switch_is_a_job_with_an_end(operator: httpx.Client, rooms: Rooms) -> None:
    job = operator.post(HEATER + "/switch", json={"on": False}).json()["job"]
    with rooms.database.read() as transaction:
        known = transaction.jobs.get(job)
    assert known is not None
    assert (known.kind, known.who) == (JobKind.SWITCH, "operator")
    wish = msgspec.json.decode(known.wish, type=SwitchWish)
    assert (wish.device, wish.on, wish.expires_ms) == ("heater", False, NOW_MS + 120_000)
    assert operator.get(f"/api/v1/jobs/{job}").json()["state"] == "waiting"
    assert read(operator, "/api/v1/jobs", Jobs).jobs[0].id == job
    assert "protected" in refused(operator.post(FRIDGE + "/switch", json={"on": False}), 409)
    assert "no plug" in refused(operator.post("/api/v1/devices/home/lamp/switch", json={"on": True}), 409)


def test_a_rehearsal_is_given_up_once_and_a_switch_is_not(operator: httpx.Client) -> None:
    job = operator.post("/api/v1/jobs/rehearse", json={"days": 7}).json()["job"]
    ended = operator.post(f"/api/v1/jobs/{job}/give-up").json()
    assert (ended["state"], ended["result"]["error"]) == ("failed", "operator gave it up.")
    assert "ended already" in refused(operator.post(f"/api/v1/jobs/{job}/give-up"), 409)
    switch = operator.post(HEATER + "/switch", json={"on": True}).json()["job"]
    assert "no rehearsal" in refused(operator.post(f"/api/v1/jobs/{switch}/give-up"), 409)
    refused(operator.post("/api/v1/jobs/999999/give-up"), 404)


def test_a_model_is_promoted_and_rolled_back(admin: httpx.Client) -> None:
    for digest in ("a" * 64, "b" * 64):
        assert admin.post("/api/v1/models/screen/promote", json={"live": digest}).json()["live"] == digest
    assert admin.post("/api/v1/models/screen/rollback").json()["live"] == "a" * 64
    assert admin.get("/api/v1/models").json()["choices"][-1]["live"] == "a" * 64
    refused(admin.post("/api/v1/models/ups/rollback"), 409)
    refused(admin.post("/api/v1/models/screen/promote", json={"live": "a"}), 422)
    refused(admin.post("/api/v1/models/toaster/rollback"), 422)


def test_an_edit_changes_what_it_may_and_leaves_the_rest_to_its_own_paths(admin: httpx.Client) -> None:
    assert admin.patch(KETTLE, json={"rating_w": 2200}).json()["rating_w"] == 2200
    refused(admin.patch(KETTLE, json={"stage": "armed"}), 409)
    refused(admin.patch(KETTLE, json={"protected": False}), 409)
    refused(admin.patch(KETTLE, json={"rating_w": -1}), 422)
    refused(admin.patch(KETTLE, json={"colour": "red"}), 422)


def test_what_nobody_knows_is_not_found(admin: httpx.Client) -> None:
    for path in ("/api/v1/devices/home/nobody", "/api/v1/incidents/nothing", "/api/v1/jobs/999999", "/api/v1/x"):
        refused(admin.get(path), 404)
    refused(admin.get("/api/v2/devices"), 404)
    refused(admin.post("/api/v1/devices/home/nobody/arm"), 404)
    refused(admin.post("/api/v1/incidents/nothing/ack"), 404)
    refused(admin.delete("/api/v1/overview"), 405)


def test_bad_bodies_are_refused_by_name(operator: httpx.Client) -> None:
    path, kind = f"/api/v1/incidents/{ODD.id}/label", {"Content-Type": "application/json"}
    refused(operator.post(path, content=b"{", headers=kind), 400)
    refused(operator.post(path, content=b"\xff", headers=kind), 400)
    refused(operator.post(path, content=b"label=wrong", headers={"Content-Type": "text/plain"}), 415)
    refused(operator.post(path, json={"label": "nice"}), 422)
    refused(operator.post(path, content=b" " * 70_000, headers=kind), 413)
    chunks = (b" " * 10_000 for _ in range(10))
    refused(operator.post(path, content=chunks, headers=kind), 413)
    refused(operator.get("/api/v1/incidents", params={"limit": 0}), 422)


def test_every_answer_keeps_browsers_strict(viewer: httpx.Client, nobody: httpx.Client) -> None:
    for answer in (viewer.get("/api/v1/overview"), viewer.get("/api/v1/x"), nobody.get("/healthz"), nobody.get("/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    assert viewer.get("/api/v1/overview").headers["cache-control"] == "no-store"


def test_metrics_are_for_who_shows_a_token(viewer: httpx.Client) -> None:
    answer = viewer.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")


def test_me_says_who_is_asking(viewer: httpx.Client) -> None:
    assert viewer.get("/api/v1/me").json() == {"name": "viewer", "role": "viewer", "may": ["look"]}
