"""Tokens, sessions, roles, and the count of wrong tokens."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from kilowatch.config import Secret
from kilowatch.config.web import PersonConfig, WebConfig
from kilowatch.errors import ConfigError
from kilowatch.web.access import SESSION_S, Deed, Key, Keys, Role, Visitor
from kilowatch.web.failures import MOST, WITHIN_S, Failures
from kilowatch.web.keys import entrance_of

if TYPE_CHECKING:
    from pathlib import Path

ANNA, BEN = Key.of("anna", Role.ADMIN, "a token of anna's"), Key.of("ben", Role.VIEWER, "a token of ben's..")


def test_a_token_tells_who_it_is() -> None:
    keys = Keys([ANNA, BEN])
    assert keys.by_token("a token of ben's..") == Visitor("ben", Role.VIEWER)
    assert keys.by_token("a token of ben's.") is None
    assert keys.by_token("") is None


def test_a_session_is_known_until_it_is_over_or_the_token_has_changed() -> None:
    keys = Keys([ANNA, BEN])
    session = keys.session(BEN.visitor, 1000.0)
    assert keys.by_session(session, 1000.0 + SESSION_S - 1) == BEN.visitor
    assert keys.by_session(session, 1000.0 + SESSION_S + 1) is None
    assert Keys([ANNA, Key.of("ben", Role.VIEWER, "another token, new")]).by_session(session, 1000.0) is None
    assert Keys([ANNA]).by_session(session, 1000.0) is None


def test_no_part_of_a_session_can_be_changed() -> None:
    keys = Keys([ANNA, BEN])
    name, until_s, signature = keys.session(BEN.visitor, 1000.0).split(".")
    for forged in (
        f"{b'anna'.hex()}.{until_s}.{signature}",
        f"{name}.{int(until_s) + 1}.{signature}",
        f"{name}.{until_s}.{'0' * len(signature)}",
        f"{name}.{until_s}.ü",
        f"{name}.{until_s}",
        "",
        "..",
    ):
        assert keys.by_session(forged, 1000.0) is None


def test_roles_allow_what_they_should_and_no_more() -> None:
    may = {role: {deed for deed in Deed if Visitor("x", role).may(deed)} for role in Role}
    assert may[Role.VIEWER] == {Deed.LOOK}
    assert may[Role.OPERATOR] == set(Deed) - {Deed.ARM, Deed.UNPROTECT, Deed.EDIT, Deed.MODELS}
    assert may[Role.ADMIN] == set(Deed)


def test_tokens_that_are_short_or_shared_are_refused() -> None:
    with pytest.raises(ConfigError, match="letters"):
        Key.of("anna", Role.ADMIN, "short")
    with pytest.raises(ConfigError, match="same token"):
        Keys([ANNA, Key.of("ben", Role.VIEWER, "a token of anna's")])
    with pytest.raises(ConfigError, match="same name"):
        Keys([ANNA, Key.of("anna", Role.VIEWER, "another token, new")])


def test_without_a_token_one_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = entrance_of(WebConfig(), tmp_path)
    assert first.fresh is not None
    assert first.keys.by_token(first.fresh) == Visitor("admin", Role.ADMIN)
    assert stat.S_IMODE((tmp_path / "web-token").stat().st_mode) == 0o600
    again = entrance_of(WebConfig(), tmp_path)
    assert again.fresh is None
    assert again.keys.by_token(first.fresh) == Visitor("admin", Role.ADMIN)


def test_people_of_the_settings_come_in_by_their_own_tokens(tmp_path: Path) -> None:
    person = PersonConfig(role=Role.OPERATOR, token=Secret("a token of carla's"))
    entrance = entrance_of(WebConfig(token=Secret("the admin's own token"), people={"carla": person}), tmp_path)
    assert entrance.fresh is None
    assert list(tmp_path.iterdir()) == []
    assert entrance.keys.by_token("a token of carla's") == Visitor("carla", Role.OPERATOR)
    assert entrance.keys.by_token("the admin's own token") == Visitor("admin", Role.ADMIN)


def test_wrong_tokens_are_counted_by_address_and_forgiven_after_a_while() -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(MOST):
        assert failures.wait_s("a") == 0.0
        failures.note("a")
    assert failures.wait_s("a") == WITHIN_S
    assert failures.wait_s("b") == 0.0
    now[0] = WITHIN_S + 1
    assert failures.wait_s("a") == 0.0
    failures.note("a")
    assert failures.wait_s("a") == 0.0


def test_the_count_of_wrong_tokens_is_bounded() -> None:
    failures = Failures(lambda: 0.0)
    for number in range(10_000):
        failures.note(str(number))
    assert len(failures._seen) == 4096
