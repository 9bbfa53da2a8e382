"""`kilowatch evaluate` and `kilowatch detectors` from the command line, on small made data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from kilowatch.cli.detectors import DetectorsOutput, detectors
from kilowatch.cli.evaluate import evaluate
from kilowatch.core.outputs_evaluate import EvaluateOutput
from kilowatch.detectors.registry import DetectorName
from kilowatch.errors import DetectorError, ReadingError
from lab import made_data

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command()(evaluate)
app.command()(detectors)
WHO = ("--detector", "default", "--detector", "random")


def run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "240"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def evaluated(*words: object) -> EvaluateOutput:
    return msgspec.json.decode(run("evaluate", *words, *WHO, "--quick", "--workers", 1, "--json"), type=EvaluateOutput)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KILOWATCH_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def whole(root: Path) -> Path:
    made_data.combed(root)
    made_data.appliances(root)
    made_data.nab(root)
    return root


def test_faults(whole: Path) -> None:
    output = evaluated("faults")
    rows = {row.detector: row for row in output.rows}
    assert list(rows) == ["default", "random"]
    assert output.quick
    assert output.base_rate is not None
    assert rows["default"].vus_pr is not None
    assert rows["random"].vus_pr is not None
    assert rows["default"].vus_pr > 2 * rows["random"].vus_pr
    assert rows["default"].faulty_days == 2
    assert rows["default"].faulty_days_found is not None
    assert rows["default"].incident_open_share is not None


def test_injected_with_a_page(whole: Path, tmp_path: Path) -> None:
    output = evaluated("injected", "--html", tmp_path / "page.html")
    assert output.devices == 2
    assert {row.family for row in output.family_rows} == {"combed"}
    assert {line.group for line in output.breakdown} <= {"h1", "h2", "h3", "h4", "h5", "h6", "t7", "offset"} | {
        "spike",
        "stuck",
        "noise",
        "drift",
        "dropout",
        "stuck_on",
        "phantom",
    }
    assert [note for note in output.notes if note.startswith("tracebase is not there")]
    assert (tmp_path / "page.html").stat().st_size > 1_000_000


def test_nab_beside_the_published(whole: Path) -> None:
    output = evaluated("nab")
    names = [row.detector for row in output.rows]
    assert names == ["default", "random", "Best (published)", "AutoEncoder (published)", "oracle of 3 published"]
    assert [goal.measure for goal in output.goals] == ["VUS-PR, mean over series"]
    assert output.comparisons[0].second == "random"


def test_switch_off(whole: Path) -> None:
    output = evaluated("switch-off")
    row = output.rows[0]
    assert row.device_years is not None
    assert row.device_years > 0
    assert row.false_offs_upper_bound is not None
    assert output.base_rate is None


def test_the_table_is_for_people(whole: Path) -> None:
    text = run("evaluate", "nab", *WHO, "--quick", "--workers", 1)
    assert "A quick run on a small part" in text
    assert "default" in text
    assert "base rate 0.050" in text
    assert "Intervals are 95 %" in text


def test_two_workers_find_what_one_does(whole: Path) -> None:
    one = evaluated("nab")
    two = msgspec.json.decode(run("evaluate", "nab", *WHO, "--quick", "--workers", 2, "--json"), type=EvaluateOutput)
    assert one.rows == two.rows


def test_all_suites_make_the_document(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "docs" / "accuracy.md"
    printed = run("evaluate", "accuracy", *WHO, "--quick", "--workers", 1, "--out", out, "--json")
    assert [suite["suite"] for suite in msgspec.json.decode(printed)["suites"]] == [
        "faults",
        "injected",
        "nab",
        "switch-off",
    ]
    text = out.read_text(encoding="utf-8")
    for suite in ("faults", "injected", "nab", "switch-off"):
        assert f"(`evaluate {suite}`)" in text
    for picture in (out.parent / "pictures").iterdir():
        assert f"](pictures/{picture.name})" in text


@pytest.mark.parametrize("suite", ["faults", "injected", "nab", "switch-off"])
def test_a_suite_without_its_data_says_where_they_are_expected(root: Path, suite: str) -> None:
    with pytest.raises(ReadingError, match=f"is missing: .* expected in {root}") as error:
        run("evaluate", suite, "--quick")
    assert error.value.exit_code == 3


def test_an_unknown_detector_is_refused(whole: Path) -> None:
    with pytest.raises(DetectorError) as error:
        run("evaluate", "nab", "--detector", "nonsense")
    assert error.value.exit_code == 2


def test_detectors_are_listed_with_their_cost() -> None:
    output = msgspec.json.decode(run("detectors", "--json"), type=DetectorsOutput)
    rows = {row.detector: row for row in output.rows}
    assert set(rows) == set(DetectorName)
    assert all(row.finds and row.misses for row in output.rows)
    assert rows["hour_of_week"].bytes_per_device > 100
    assert rows["constant"].bytes_per_device == 0
    assert rows["fleet"].bytes_per_device + 400 <= 1024
    assert rows["hour_of_week"].us_per_sample > 0
    assert rows["default"].us_per_sample_of_many > rows["constant"].us_per_sample_of_many
