"""From settings to plugs that are read with their own logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.config import load_config
from kilowatch.links.plugs import http_settings, plug_of, poll_source
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
        lines.append('[devices.silent]\nplug = "shelly2://127.0.0.1:9/0"\npoll = false')
        (tmp_path / "kilowatch.toml").write_text("\n".join(lines))
        config = load_config(tmp_path / "kilowatch.toml", {}).config
        metrics, sink = Metrics(), Sink()
        source = poll_source(config, metrics=metrics, clock_ms=lambda: 1_767_567_600_000)
        assert source is not None
        source.start(sink.put)
        until(lambda: len(sink.messages) >= 6)
        source.stop()
        plug = plug_of(config, "shelly2", sims[Make.SHELLY2].address, http_settings(config))
        assert plug.read().on
        plug.close()
    readings = [msgspec.json.decode(message.payload) for message in sink.messages]
    assert {reading["device"] for reading in readings} == set(Make)
    assert {(reading["site"], reading["ts_ms"]) for reading in readings} == {("cabin", 1_767_567_600_000)}
    answers = metrics.registry.get_sample_value("kilowatch_plug_request_seconds_count", {"source": "poll"})
    assert (answers or 0) >= 6


@pytest.mark.parametrize("text", ["", '[devices.tv]\nkind = "tv"', "[sources.poll]\nenabled = false"])
def test_without_plugs_to_poll_there_is_no_source(tmp_path: Path, text: str) -> None:
    (tmp_path / "kilowatch.toml").write_text(text)
    assert poll_source(load_config(tmp_path / "kilowatch.toml", {}).config) is None
