"""From settings to the plugs that are read, with their own logins and metrics."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.app.plug_book import PlugBook
from kilowatch.app.sources import sources_of
from kilowatch.cli import simulated as home
from kilowatch.config import device_records, load_config
from kilowatch.core.device import DeviceRecord, Kind, first_seen
from kilowatch.errors import ConfigError
from kilowatch.observability import Metrics
from kilowatch.sim.plugs import Make
from links.mqtt.brokers import Sink, until
from sim.plugs.hosted import host_of
from sim.plugs.hosted import plug_of as simulated

if TYPE_CHECKING:
    from pathlib import Path


def test_plugs_of_the_settings_are_read_with_their_passwords(tmp_path: Path) -> None:
    sims = {make: simulated(make, password=f"word of {make}") for make in Make}
    with host_of(*sims.values()):
        lines = ['[site]\nname = "cabin"', "[sources.poll]\ninterval_s = 0.1"]
        for make, sim in sims.items():
            (tmp_path / make).write_text(f"word of {make}\n")
            lines.append(f'[devices.{make}]\nplug = "{sim.address}"\npassword_file = "{make}"')
        lines.append('[devices.gone]\nplug = "shelly2://127.0.0.1:9/0"')
        lines.append('[devices.silent]\nplug = "shelly2://127.0.0.1:9/0"\npoll = false')
        (tmp_path / "kilowatch.toml").write_text("\n".join(lines))
        config = load_config(tmp_path / "kilowatch.toml", {}).config
        metrics, sink = Metrics(), Sink()
        book, records = PlugBook(config, metrics), device_records(config)
        (source,) = sources_of(config, records, book, lambda _: None, metrics, lambda: 1_767_567_600_000)
        source.start(sink.put)
        value = metrics.registry.get_sample_value
        until(lambda: {one["device"] for one in sink.readings()} == set(Make))
        until(lambda: value("kilowatch_device_up", {"source": "poll", "device": "gone"}) == 0)
        source.stop()
        plug = book.plug_of(next(record for record in records if record.device == "shelly2"))
        assert plug is not None
        assert plug.read().on
        book.close()
    readings = [msgspec.json.decode(message.payload) for message in sink.messages]
    assert {(reading["site"], reading["ts_ms"]) for reading in readings} == {("cabin", 1_767_567_600_000)}
    assert (value("kilowatch_plug_request_seconds_count", {"source": "poll"}) or 0) >= len(Make)
    assert (value("kilowatch_plug_request_seconds_count", {"source": "actor"}) or 0) >= 1
    assert value("kilowatch_device_up", {"source": "poll", "device": "shelly2"}) == 1


def test_a_plug_of_another_site_is_not_read_as_if_it_were_ours(tmp_path: Path) -> None:
    (tmp_path / "kilowatch.toml").write_text('[site]\nname = "cabin"')
    config = load_config(tmp_path / "kilowatch.toml", {}).config
    there = DeviceRecord(site="town", device="heater", kind=Kind.HEATER, plug="shelly2://127.0.0.1:9/0")
    with pytest.raises(ConfigError, match="no source"):
        sources_of(config, [there], PlugBook(config), lambda _: None)


@pytest.mark.parametrize(("text", "polled"), [("", []), ('[devices.tv]\nplug = "shelly2://127.0.0.1:9/0"', ["tv"])])
def test_a_plug_that_a_broker_told_of_is_polled_only_where_the_settings_name_it(
    tmp_path: Path, text: str, polled: list[str]
) -> None:
    (tmp_path / "kilowatch.toml").write_text(text)
    config = load_config(tmp_path / "kilowatch.toml", {}).config
    heard = first_seen("home", "tv", source="mqtt:here", plug="shelly2://127.0.0.1:9/0")
    with closing(PlugBook(config)) as book:
        assert [one.device for one in book.polled([heard], 1.0)] == polled


@pytest.mark.parametrize("text", ["", '[devices.tv]\nkind = "tv"', "[sources.poll]\nenabled = false"])
def test_without_any_source_it_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "kilowatch.toml").write_text(text)
    config = load_config(tmp_path / "kilowatch.toml", {}).config
    with pytest.raises(ConfigError, match="no source"):
        sources_of(config, device_records(config), PlugBook(config), lambda _: None)


def test_files_are_followed_and_only_what_the_settings_do_not_name_is_guessed_of_devices(tmp_path: Path) -> None:
    (tmp_path / "kilowatch.toml").write_text(
        '[data]\nfolder = "data"\n[sources.files."a/b"]\npath = "logs"\nlook_s = 0.1\n[devices.fridge]\nkind = "lamp"\n'
    )
    (tmp_path / "logs").mkdir()
    for device in ("fridge", "kettle"):
        (tmp_path / "logs" / f"{device}.csv").write_text("time,power\n1767225600,1\n1767225601,2\n")
    config = load_config(tmp_path / "kilowatch.toml", {}).config
    met, metrics, value = list[DeviceRecord](), Metrics(), 0.0
    for expected in (4, 0):
        sink = Sink()
        (source,) = sources_of(config, [], PlugBook(config), met.extend, metrics)
        source.start(sink.put)
        until(lambda: not expected or len(sink.messages) == 4)  # noqa: B023 - asked within the turn
        source.stop()
        assert len(sink.messages) == expected
    assert [(one.device, one.kind, one.source) for one in met] == [("kettle", Kind.KETTLE, "files:a/b")]
    value = metrics.registry.get_sample_value("kilowatch_source_messages_total", {"source": "files:a/b"}) or 0
    assert value == 4
    assert [path.name for path in (tmp_path / "data" / "files").iterdir()] == ["a%2Fb.json"]


def test_the_simulated_home_is_a_source_where_somebody_makes_it(tmp_path: Path) -> None:
    (tmp_path / "kilowatch.toml").write_text("[sources.sim]\nenabled = true")
    config = load_config(tmp_path / "kilowatch.toml", {}).config
    (source,) = sources_of(config, [], PlugBook(config), lambda _: None, simulated=home.simulated)
    assert source.name == "sim"
