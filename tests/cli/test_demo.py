"""`kilowatch demo` as a script calls it: one JSON object with the keys that are promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from cli.homes import called, run
from kilowatch.cli.spans import seconds_of
from kilowatch.core.outputs_live import DemoOutput
from kilowatch.errors import ComponentError, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PROMISED = {
    "readings",
    "incidents",
    "actions",
    "actions_confirmed",
    "protected_switched",
    "seconds_to_first_incident",
}


def test_headless_json_is_one_object_with_the_promised_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILOWATCH_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    said = run("demo", "--headless", "--for", "4s", "--json", "--no-faults", "--data", data)
    assert said.code == 0, said.err
    assert PROMISED | {"schema", "version"} == set(said.json)
    output = msgspec.convert(said.json, DemoOutput)
    assert output.readings > 0
    assert (output.actions, output.protected_switched) == (0, 0)
    assert (data / "kilowatch.db").exists()
    again = run("demo", "--headless", "--for", "1s", "--data", data)
    assert again.code == 2
    assert "not empty" in again.err


def test_faults_are_listed_with_how_soon_they_are_found() -> None:
    said = called("demo", "faults").out
    assert "door-open" in said
    assert "plug-stuck" in said
    assert "kilowatch demo fault DEVICE FAULT" in said
    listed = called("demo", "faults", "--json").json
    assert listed["schema"] == "kilowatch.demo-faults"
    assert {"router", "kettle"} <= {one["device"] for one in listed["faults"]}
    soon = [one["found_within_s"] for one in listed["faults"] if one["found_within_s"] is not None]
    assert soon == sorted(soon)


def test_a_fault_without_a_demo_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILOWATCH_CACHE", str(tmp_path))
    with pytest.raises(ComponentError) as error:
        called("demo", "fault", "fridge", "door-open")
    assert "kilowatch demo" in error.value.hint


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("60s", 60.0), ("1.5m", 90.0), ("8h", 28_800.0)])
def test_spans_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5s", "0", "5 weeks"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no span of time"):
        seconds_of(text)
