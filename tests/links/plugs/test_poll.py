"""Polling: a steady schedule for each plug, one line when lost and one when back, gaps instead of inventions."""

from __future__ import annotations

import base64
import logging
import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.app.ingest.gate import Gate
from kilowatch.config.secret import Secret
from kilowatch.core.events import Reading, Rejected, RejectReason
from kilowatch.core.plug import PlugAnswer, PlugFailedError, PlugTrouble
from kilowatch.core.ports import PlugReading
from kilowatch.links.plugs import HttpSettings, PolledPlug, PollSource, open_plug
from kilowatch.links.plugs.login import Login
from kilowatch.links.plugs.poll import next_turn
from kilowatch.sim.plugs import Make, PlugFault
from links.mqtt.brokers import Sink, until
from links.plugs.answering import answering
from sim.plugs.hosted import host_of, plug_of

if TYPE_CHECKING:
    from kilowatch.links.source import SourceMessage
    from kilowatch.sim.plugs import SimPlug

SHORT = HttpSettings(timeout_s=0.3)


def polled(sim: SimPlug, interval_s: float = 0.1) -> PolledPlug:
    return PolledPlug(f"{sim.make}-plug", open_plug(sim.address, SHORT), interval_s)


def decoded(message: SourceMessage) -> Reading:
    return msgspec.json.decode(message.payload, type=Reading)


@pytest.fixture(autouse=True)
def _heard_by_caplog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("kilowatch"), "propagate", True)


def test_every_make_is_read_at_its_interval() -> None:
    sims = [plug_of(make) for make in Make]
    sink = Sink()
    with host_of(*sims):
        source = PollSource("home", [polled(sim, 0.25) for sim in sims])
        source.start(sink.put)
        until(lambda: len(sink.messages) >= 21)
        source.stop()
    readings = [decoded(message) for message in sink.messages]
    assert {reading.device for reading in readings} == {f"{make}-plug" for make in Make}
    assert all(reading.on and reading.power_w == pytest.approx(11, abs=2) for reading in readings)
    assert all(reading.energy_wh and reading.ts_ms == reading.received_ms for reading in readings)
    of_one = [reading.ts_ms for reading in readings if reading.device == "shelly2-plug"]
    assert np.median(np.diff(of_one)) == pytest.approx(250, rel=0.2)


def test_a_plug_that_is_lost_and_back_is_told_once_each_and_leaves_a_gap(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kilowatch")
    well, ill = plug_of(Make.SHELLY1), plug_of(Make.SHELLY2)
    sink = Sink()
    with host_of(well, ill):
        source = PollSource("home", [polled(well), polled(ill)], backoff_most_s=0.2)
        source.start(sink.put)
        until(lambda: len(sink.messages) >= 6)
        ill.outlet.fault = PlugFault.MUTE
        time.sleep(1.2)
        of_well = [message for message in sink.messages if decoded(message).device == "shelly1-plug"]
        ill.outlet.fault = None
        until(lambda: any("is back" in record.getMessage() for record in caplog.records))
        source.stop()
    lines = [record.getMessage() for record in caplog.records if record.name == "kilowatch.poll"]
    assert [line.split(":")[0] for line in lines] == ["plug shelly2-plug is lost", "plug shelly2-plug is back"]
    assert len(of_well) >= 12, "a mute plug held up another"


@pytest.mark.parametrize(
    ("make", "path"), [("shelly2", "/rpc/Switch.GetStatus"), ("shelly1", "/relay/0"), ("tasmota", "/cm")]
)
def test_an_answer_that_makes_no_sense_is_kept_as_rejected_and_without_the_login(make: str, path: str) -> None:
    sim, sink, gate = plug_of(Make(make), password="hush"), Sink(), Gate()  # noqa: S106 - of a simulated plug
    with host_of(sim):
        plug = open_plug(sim.address, SHORT, Login(Secret("hush"), "admin"))
        source = PollSource("home", [PolledPlug("kettle", plug, 0.05)], backoff_most_s=0.1)
        source.start(sink.put)
        until(lambda: len(sink.messages) >= 2)
        sim.outlet.fault = PlugFault.GARBAGE
        until(lambda: any(message.reason for message in sink.messages))
        sim.outlet.fault = None
        source.stop()
    refused = next(message for message in sink.messages if message.reason)
    kept = gate.judge(refused)
    assert isinstance(kept, Rejected)
    assert kept.reason is RejectReason.UNDECODABLE
    assert kept.raw == b"<html>404: not the plug you are looking for"
    assert kept.topic == f"kettle {path}"
    assert "no plug's" in str(kept.why)
    assert "hush" not in repr(kept)
    assert "hush" not in repr(refused)


def test_the_answer_that_is_kept_is_the_one_that_makes_no_sense() -> None:
    answers = {"/relay/0": b'{"ison":"perhaps"}', "/meter/0": b'{"power":1.0}'}
    with answering(lambda path, _: answers[path]) as port:
        plug = open_plug(f"shelly1://127.0.0.1:{port}/0", SHORT)
        with pytest.raises(PlugFailedError) as caught:
            plug.read()
        assert caught.value.answer == PlugAnswer("/relay/0", answers["/relay/0"])
        answers |= {"/relay/0": b'{"ison":true}', "/meter/0": b'{"power":"much"}'}
        with pytest.raises(PlugFailedError) as caught:
            plug.read()
        assert caught.value.answer == PlugAnswer("/meter/0", answers["/meter/0"])
        answers["/relay/0"] = b"[" * 300_000
        with pytest.raises(PlugFailedError) as caught:
            plug.read()
        assert caught.value.answer == PlugAnswer("/relay/0", b"[" * 16_384)
        plug.close()


@pytest.mark.parametrize("make", Make)
def test_a_stranger_that_repeats_what_it_was_asked_does_not_make_us_keep_the_login(make: Make) -> None:
    login, told = Login(Secret("hush and/or 1"), "admin"), list[str]()

    def repeat(_: str, asked: str) -> bytes:
        told.append(asked)
        return b"you said: " + asked.encode()

    with answering(repeat) as port:
        plug = open_plug(f"{make}://127.0.0.1:{port}/1", SHORT, login)
        with pytest.raises(PlugFailedError) as caught:
            plug.read()
        plug.close()
    assert caught.value.answer is not None
    kept = caught.value.answer.body.decode()
    assert kept.startswith("you said: ")
    assert "hush" not in kept
    assert base64.b64encode(b"admin:hush and/or 1").decode() not in kept
    assert ("***" in kept) == (make is not Make.SHELLY2), "a digest holds no password"


def test_a_plug_that_fails_in_a_way_nobody_thought_of_is_lost_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Odd:
        def __init__(self) -> None:
            self.asked = 0

        def read(self) -> PlugReading:
            self.asked += 1
            if self.asked <= 3:
                raise RuntimeError("nobody thought of this")
            return PlugReading(on=True, power_w=5.0)

        def close(self) -> None: ...

    caplog.set_level(logging.INFO, "kilowatch")
    odd, sink = Odd(), Sink()
    source = PollSource("home", [PolledPlug("lamp", odd, 0.02)], backoff_most_s=0.02)  # type: ignore[arg-type]
    source.start(sink.put)
    until(lambda: len(sink.messages) >= 2)
    source.stop()
    lines = [record.getMessage().split(":")[0] for record in caplog.records if record.name == "kilowatch.poll"]
    assert lines == ["plug lamp is lost", "plug lamp is back"]
    assert "nobody thought of this" in caplog.text


def test_a_plug_that_says_nothing_leaves_nothing_to_keep() -> None:
    class Mute:
        def __init__(self) -> None:
            self.asked = 0

        def read(self) -> object:
            self.asked += 1
            raise PlugFailedError(PlugTrouble.SLOW, "It gave no whole answer.")

        def close(self) -> None: ...

    mute, sink = Mute(), Sink()
    source = PollSource("home", [PolledPlug("lamp", mute, 0.02)], backoff_most_s=0.02)  # type: ignore[arg-type]
    source.start(sink.put)
    until(lambda: mute.asked >= 3)
    source.stop()
    assert sink.messages == []


def test_a_plug_without_a_meter_makes_no_reading() -> None:
    class Switch:
        def __init__(self) -> None:
            self.asked = 0

        def read(self) -> object:
            from kilowatch.core.ports import PlugReading

            self.asked += 1
            return PlugReading(on=True)

        def close(self) -> None: ...

    switch, sink = Switch(), Sink()
    source = PollSource("home", [PolledPlug("lamp", switch, 0.02)])  # type: ignore[arg-type]
    source.start(sink.put)
    until(lambda: switch.asked >= 3)
    source.stop()
    assert sink.messages == []


def test_stop_is_prompt_even_between_long_intervals() -> None:
    sim = plug_of(Make.TASMOTA)
    with host_of(sim):
        source = PollSource("home", [polled(sim, 3600.0)])
        source.start(lambda _: None)
        until(lambda: len(sim.seen) >= 2)
        start_s = time.monotonic()
        source.stop()
    assert time.monotonic() - start_s < 1.0


@settings(max_examples=100, deadline=None)
@given(
    turn_s=st.floats(0, 1e6),
    late_s=st.floats(0, 1000),
    interval_s=st.floats(0.1, 600),
    failures=st.integers(0, 50),
    most_s=st.floats(0.1, 600),
)
def test_turns_stay_on_the_grid_and_are_never_in_the_past(
    turn_s: float, late_s: float, interval_s: float, failures: int, most_s: float
) -> None:
    next_s = next_turn(turn_s, turn_s + late_s, interval_s, failures, most_s)
    turns = (next_s - turn_s) / interval_s
    assert turns == pytest.approx(round(turns), abs=1e-6)
    assert turns >= 1 - 1e-6
    assert next_s >= turn_s + late_s - 1e-5 * interval_s
    pause_s = max(interval_s, late_s) if failures == 0 else max(interval_s, most_s, late_s)
    assert next_s - turn_s <= pause_s + interval_s * (1 + 1e-6)
