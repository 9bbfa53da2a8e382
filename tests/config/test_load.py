"""Settings: environment over file over default, unknown names with the nearest, secrets that stay secret."""

from __future__ import annotations

import contextlib
import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.config import Loaded, Secret, device_records, load_config
from kilowatch.config.walk import is_secret, leaves
from kilowatch.core.device import ActsBy, Kind, Stage
from kilowatch.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, text: str = "", **variables: str) -> Loaded:
    file = folder / "kilowatch.toml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, {f"KILOWATCH_{name}": value for name, value in variables.items()})


@pytest.mark.parametrize("name", ["a/b", "a+", "#1", "tab\\t"])
def test_a_site_name_that_is_no_level_of_a_topic_is_refused_where_there_is_a_broker(tmp_path: Path, name: str) -> None:
    site = f'[site]\nname = "{name}"\n'
    assert load(tmp_path, site).config.site.name
    with pytest.raises(ConfigError, match="no level of an MQTT topic"):
        load(tmp_path, site + '[sources.mqtt.home]\nhost = "a"')


def test_costs_that_no_sum_holds_are_refused(tmp_path: Path) -> None:
    price, rating = "[tariff]\nprice_per_kwh = {}\n", "[devices.plant]\nrating_w = {}\n"
    assert load(tmp_path, price.format(3000) + rating.format(100_000)).config.tariff.price_per_kwh == 3000
    with pytest.raises(ConfigError, match="A day of plant may cost"):
        load(tmp_path, price.format(3000) + rating.format(200_000))
    with pytest.raises(ConfigError, match=r"tariff\.price_per_kwh makes no sense"):
        load(tmp_path, price.format(10_001))


def test_without_file_and_environment_all_is_default() -> None:
    loaded = load_config(None, {})
    assert loaded.file is None
    assert loaded.config.policy.dry_run
    assert {loaded.origin(path) for path, _, _ in leaves(loaded.config)} == {"default"}
    assert loaded.config.web.bind == loaded.config.sources.push.bind == loaded.config.metrics.bind == "127.0.0.1"


def test_environment_wins_over_file_and_file_over_default(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[site]\nname = "cabin"\ntime_zone = "Europe/Berlin"', SITE__NAME="tower")
    assert loaded.config.site.name == "tower"
    assert loaded.origin(("site", "name")) == "environment KILOWATCH_SITE__NAME"
    assert loaded.origin(("site", "time_zone")) == f"file {tmp_path / 'kilowatch.toml'}"
    assert loaded.origin(("policy", "dry_run")) == "default"


def test_the_environment_reaches_named_sections_and_types(tmp_path: Path) -> None:
    text = '[devices."Living room"]\nkind = "tv"\n[sources.mqtt.home]\nhost = "a"'
    loaded = load(
        tmp_path,
        text,
        DEVICES__LIVING_ROOM__INTERVAL_S="2.5",
        SOURCES__MQTT__HOME__PORT="8883",
        SOURCES__MQTT__HOME__TLS="true",
        SOURCES__MQTT__HOME__VENDORS="tasmota, shelly1",
        SOURCES__MQTT__HOME__ENTITIES='{"sensor.x": "tv.power"}',
        SOURCES__MQTT__OTHER__HOST="b",
        POLICY__DRY_RUN="false",
    )
    home = loaded.config.sources.mqtt["home"]
    assert (home.host, home.port, home.tls, home.vendors) == ("a", 8883, True, ["tasmota", "shelly1"])
    assert home.entities == {"sensor.x": "tv.power"}
    assert loaded.config.sources.mqtt["other"].host == "b"
    assert loaded.config.devices["Living room"].interval_s == 2.5
    assert not loaded.config.policy.dry_run


def test_variables_of_others_are_left_alone() -> None:
    assert load_config(None, {"KILOWATCH_DATA": "/x", "KILOWATCH_CACHE": "/y", "PATH": "z"}).config.site.name == "home"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("[sight]\n", "site"),
        ('[site]\ntimezone = "UTC"', "time_zone"),
        ('[sources.mqtt.home]\npasword_file = "x"', "password_file"),
        ("[devices.tv]\nintervals = 3", "interval_s"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(tmp_path: Path, text: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert nearest in caught.value.hint


@pytest.mark.parametrize("name", ["SITE__NAM", "SOURCES__MQTT__HOME__HOSTS", "SITE__NAME__X", "SIGHT__NAME"])
def test_an_unknown_variable_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"KILOWATCH_{name}"):
        load(tmp_path, **{name: "x"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[kafka]\npartitions = "12"', "kafka.partitions"),
        ("[sources.mqtt.home]\nport = 70000", "sources.mqtt.home.port"),
        ('[devices.tv]\nkind = "tele"', "devices.tv.kind"),
        ("site = 3", "site is a section"),
        ("[site.name]\nx = 1", "site.name is a value"),
        ('[site]\ntime_zone = "Mars/Olympus"', "Mars/Olympus"),
        ('[plugs]\nallowed_networks = ["home"]', "allowed_networks"),
        ("[sources.push]\nenabled = true", "no token"),
        ('[database]\nurl = "postgresql://me:word@host/db"', "holds a password"),
        ('[sources.mqtt.home.mappings.x]\ntopic = "x"', "sources.mqtt.home.mappings.x has no power"),
        ("[sources.files.old]\nlook_s = 5", "sources.files.old has no path"),
        ('[sources.files.old]\npath = "old"\nunit = "MW"', "sources.files.old.unit"),
        ('[sources.files.old]\npath = "old"\ntime_zone = "Mars/Olympus"', "Mars/Olympus"),
        ("[sources.sim]\nseed = -1", "sources.sim.seed"),
        ("version = 2", "version"),
        ("[site", "not TOML"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)
    assert caught.value.hint


def test_a_text_of_the_environment_that_is_no_number_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, KAFKA__PARTITIONS="many")
    assert "kafka.partitions" in str(caught.value)
    assert "KILOWATCH_KAFKA__PARTITIONS" in caught.value.hint


def test_a_secret_comes_from_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("hunter22\n")
    loaded = load(tmp_path, '[sources.mqtt.home]\npassword_file = "word"')
    secret = loaded.config.sources.mqtt["home"].password
    assert secret == Secret("hunter22")
    assert loaded.origin(("sources", "mqtt", "home", "password")) == f"file {tmp_path / 'word'}"
    assert loaded.secrets() == ["hunter22"]


def test_a_secret_of_the_environment_wins_over_its_file(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("old")
    loaded = load(tmp_path, '[kafka]\npassword_file = "word"', KAFKA__PASSWORD="new")  # noqa: S106
    assert loaded.config.kafka.password == Secret("new")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_secret_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "word").write_bytes(content)
    with pytest.raises(ConfigError, match="word"):
        load(tmp_path, '[kafka]\npassword_file = "word"')


def test_a_secret_in_the_toml_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, '[kafka]\npassword = "hunter22"')
    assert "password_file" in caught.value.hint
    assert "hunter22" not in str(caught.value) + caught.value.hint


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("hunter22")
    assert (
        "hunter22"
        not in f"{secret!r} {secret} {[secret]} {load_config(None, {'KILOWATCH_KAFKA__PASSWORD': 'hunter22'})}"
    )
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_every_secret_can_be_given_by_file() -> None:
    config = load_config(None, {"KILOWATCH_SOURCES__MQTT__A__HOST": "x", "KILOWATCH_DEVICES__TV__KIND": "tv"}).config
    paths = [path for path, _, _ in leaves(config)]
    secrets = [path for path, kind, _ in leaves(config) if is_secret(kind)]
    assert len(secrets) >= 8
    assert all((*path[:-1], f"{path[-1]}_file") in paths for path in secrets)
    suspicious = {"password", "token", "secret", "key"}
    assert all(path in secrets for path in paths if path[-1] in suspicious)


def test_devices_become_records_that_are_never_armed(tmp_path: Path) -> None:
    devices = '[devices.ice]\nkind = "freezer"\n[devices.tv]\nkind = "tv"\nacts_by = "edge"'
    ice, tv = device_records(load(tmp_path, f'[site]\ntime_zone = "Asia/Kolkata"\n{devices}').config)
    assert (ice.protected, tv.protected) == (True, False)
    assert tv.acts_by is ActsBy.EDGE
    assert {ice.stage, tv.stage} == {Stage.LEARNING}
    assert ice.time_zone == "Asia/Kolkata"
    assert ice.kind is Kind.FREEZER


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.from_regex(r"[A-Z_]{1,20}", fullmatch=True), st.text(max_size=20), max_size=3))
def test_any_environment_loads_or_is_a_named_error(variables: dict[str, str]) -> None:
    given_variables = {f"KILOWATCH_{name}__X": value for name, value in variables.items()}
    with contextlib.suppress(ConfigError):
        assert load_config(None, given_variables).config.version == 1


def test_upstream_names_a_broker_that_there_is(tmp_path: Path) -> None:
    file = tmp_path / "kilowatch.toml"
    file.write_text('[upstream]\nto = "mqtt"\nbroker = "attic"\n[sources.mqtt.home]\n')
    with pytest.raises(ConfigError, match="attic"):
        load_config(file, {})
    file.write_text('[upstream]\nto = "mqtt"\nbroker = "home"\n[sources.mqtt.home]\n')
    assert load_config(file, {}).config.upstream.broker == "home"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[notify.email]\nhost = "mail"', "nobody to tell"),
        ('[notify.mqtt]\nbroker = "attic"', "notify.mqtt.broker names no broker: 'attic'"),
        ('[announce]\nbroker = "attic"', "announce.broker names no broker"),
        ('[notify.webhook]\nurl = "ftp://x"', "notify.webhook.url makes no sense"),
        ('[notify.ntfy]\ntoken = "secret"', "is a secret"),
    ],
)
def test_who_is_to_be_told_must_be_reachable(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(tmp_path, text)
