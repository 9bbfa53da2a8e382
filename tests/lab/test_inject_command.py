from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from kilowatch.cli.inject import inject as inject_command
from kilowatch.core.device import DeviceRecord
from kilowatch.errors import ConfigError
from kilowatch.lab.inject import Injection, read_labels
from kilowatch.lab.inject.series import read_trace, write_trace
from lab.made_traces import fridge

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run the command in a folder that holds in.csv; errors are raised."""
    app = typer.Typer()
    app.command()(inject_command)
    write_trace(tmp_path / "in.csv", fridge(), DeviceRecord(site="home", device="fridge"))
    paths = [f"--out={tmp_path / 'odd.csv'}", f"--labels={tmp_path / 'odd.json'}"]

    def call(*words: str, source: str | None = str(tmp_path / "in.csv")) -> str:
        given = [source, *paths] if source else []
        return CliRunner().invoke(app, [*given, *words], catch_exceptions=False).stdout

    return call


def test_list_names_every_kind(run: Any) -> None:
    lines = run("--list", source=None).splitlines()
    named = {line.split()[0] for line in lines if line.startswith("  ")}
    assert named == set(Injection)


def test_writes_a_series_and_labels_that_fit(run: Any, tmp_path: Path) -> None:
    said = run("--kind=h1", "--start=2026-01-03T06:00", "--duration=1d2h", "--strength=0.4", "--seed=7")
    assert "h1 partial bypass" in said
    trace, _ = read_trace(tmp_path / "odd.csv")
    labels = read_labels(tmp_path / "odd.json", trace)
    assert labels.mask.sum() == 26 * 60
    assert labels.injections[0].strength == 0.4
    clean, _ = read_trace(tmp_path / "in.csv")
    assert trace.power_w[labels.mask] == pytest.approx(0.4 * clean.power_w[labels.mask])


def test_draws_places_for_several_kinds_after_a_time(run: Any, tmp_path: Path) -> None:
    words = ("--kind=long-cycle", "--kind=stuck", "--duration=6h", "--after=2026-01-03", "--seed=1", "--json")
    output = msgspec.json.decode(run(*words))
    assert output["schema"] == "kilowatch.inject"
    assert output["readings"] == 6 * 1440
    assert {one["kind"] for one in output["injections"]} == {"long_cycle", "stuck"}
    assert all(one["start_ms"] >= 1_767_398_400_000 for one in output["injections"])
    once = (tmp_path / "odd.csv").read_bytes()
    assert msgspec.json.decode(run(*words)) == output
    assert (tmp_path / "odd.csv").read_bytes() == once


def test_says_what_was_left_out(run: Any) -> None:
    said = run("--kind=phantom", "--start=2026-01-03T06:00", "--duration=45m", "--strength=0.01")
    assert "left out" in said
    assert "0 of 8,640 readings changed" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--kind=h9",), "no injection called h9"),
        (("--kind=h1", "--kind=h2", "--start=2026-01-03"), "one kind only"),
        (("--kind=h1", "--start=noon"), "noon is no time"),
        (("--kind=h1", "--duration=soon"), "soon is no duration"),
        (("--kind=h1", "--duration=0h"), "0h is no duration"),
        (("--kind=t12", "--param=dwell_s"), "not NAME=VALUE"),
        (("--kind=h1", "--param=dwell_s=60"), "h1 has no dwell_s"),
        ((), "are needed"),
    ],
)
def test_wrong_usage_is_refused(run: Any, words: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        run(*words)


def test_never_writes_over_the_input(run: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="three different files"):
        run("--kind=h1", f"--out={tmp_path / 'in.csv'}")
