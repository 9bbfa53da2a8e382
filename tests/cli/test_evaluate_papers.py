"""`kilowatch evaluate paper-edge` and `paper-cloud`, quick, on small made data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import typer
from pyarrow import parquet
from typer.testing import CliRunner

from detectors.samples import GRID_MS, START_MS, television
from kilowatch.cli.evaluate import evaluate
from kilowatch.core.outputs_papers import PaperCloudOutput, PaperEdgeOutput
from lab import made_data

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command()(evaluate)


def run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "240"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KILOWATCH_DATA", str(tmp_path))
    return tmp_path


def test_edge_goes_on_from_its_results(root: Path) -> None:
    made_data.combed(root)
    results = root / "results.jsonl"
    words = ("paper-edge", "--quick", "--results", results)
    output = msgspec.json.decode(run(*words, "--json"), type=PaperEdgeOutput)
    assert output.quick
    assert {row.model for row in output.rows} == {"conv-lstm", "boosted trees"}
    assert all((row.protocol, row.seed) == ("paper", 0) for row in output.rows)
    assert len(output.phases) == 6
    kept = results.read_bytes()
    shown = run(*words)
    assert results.read_bytes() == kept
    assert "FPR is 8 / 158 = 0.05" in shown
    assert "later runs of 600" in shown


def test_cloud_measures_the_papers_method_and_what_is_added(root: Path) -> None:
    folder = root / "tracebase"
    folder.mkdir()
    power_w = np.rint(television(8))
    stamps = pa.array(START_MS + GRID_MS * np.arange(len(power_w)), pa.timestamp("ms", "UTC"))
    parquet.write_table(pa.table({"timestamp": stamps, "power_w": power_w}), folder / "tv_lcd_dev_1.parquet")
    output = msgspec.json.decode(run("paper-cloud", "--quick", "--json"), type=PaperCloudOutput)
    assert output.devices == 1
    names = [row.detector for row in output.rows]
    assert names[0] == "autoencoder"
    assert "autoencoder + overlap + amplitude" in names
    assert all(row.seeds == (0,) and row.events > 0 for row in output.rows)
    assert set(output.recall_by_type) == set(names)
