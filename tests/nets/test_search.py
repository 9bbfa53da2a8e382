from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import optuna
import pytest
import typer
from typer.testing import CliRunner

from kilowatch.cli.search import search as command
from kilowatch.errors import ConfigError, KilowatchError, StateError
from kilowatch.nets.artifact import read_artifact
from kilowatch.nets.card import Network
from kilowatch.nets.locks import Together
from kilowatch.nets.search import SearchPlan, TrialReport, propose, search
from kilowatch.nets.shapes import check_shape
from kilowatch.nets.windows import Windows, cut, split_by_time
from nets.made import WINDOW, cycles, series
from nets.test_commands import history

if TYPE_CHECKING:
    from pathlib import Path

PLAN = SearchPlan(trials=2, epochs=1, windows=(WINDOW,), batch=16)


def parts(window: int, seed: int = 0) -> tuple[Windows, Windows]:
    return split_by_time(cut(series("fridge", cycles(2400, 8, 23, seed)), window, window), 0.3)


@pytest.mark.parametrize("network", Network)
def test_every_proposal_is_a_network(network: Network) -> None:
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    shapes = [propose(study.ask(), network, (120, 200))[0] for _ in range(30)]
    for shape in shapes:
        check_shape(shape)
    assert len({shape.filters for shape in shapes}) > 1
    assert {shape.network for shape in shapes} == {network}
    assert {shape.window for shape in shapes} == {120, 200}


def test_a_study_goes_on_and_gives_its_best(tmp_path: Path) -> None:
    seen: list[TrialReport] = []
    first = search(Network.FORECASTER, parts, PLAN, tmp_path / "s", seen.append)
    assert [report.number for report in seen] == [1, 2]
    losses = [report.loss for report in seen if report.loss is not None]
    assert first.loss == pytest.approx(min(losses))
    again = search(Network.FORECASTER, parts, PLAN, tmp_path / "s", seen.append)
    assert again == first
    assert len(seen) == 2
    with pytest.raises(StateError, match="other data"):
        search(Network.FORECASTER, lambda window: parts(window, 5), PLAN, tmp_path / "s")


def test_an_interrupted_trial_is_tried_again(tmp_path: Path) -> None:
    def stop(_: TrialReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(Network.FORECASTER, parts, PLAN, tmp_path / "s", stop)
    study = optuna.load_study(study_name="forecaster", storage=f"sqlite:///{tmp_path / 's'}")
    study.ask()
    found = search(Network.FORECASTER, parts, PLAN, tmp_path / "s")
    assert found.trials == 3
    assert sorted(trial.state.name for trial in study.trials) == ["COMPLETE", "COMPLETE", "FAIL"]


def test_the_running_trial_of_another_search_is_left_to_it(tmp_path: Path) -> None:
    search(Network.FORECASTER, parts, PLAN, tmp_path / "s")
    study = optuna.load_study(study_name="forecaster", storage=f"sqlite:///{tmp_path / 's'}")
    running = study.ask().number
    with closing(Together(tmp_path / "s.lock")) as other:
        other.share()
        search(Network.FORECASTER, parts, PLAN, tmp_path / "s")
        assert study.trials[running].state.name == "RUNNING"
    search(Network.FORECASTER, parts, PLAN, tmp_path / "s")
    assert study.trials[running].state.name == "FAIL"


def test_a_file_that_is_no_study_is_said(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("no database " * 100)
    with pytest.raises(StateError, match="cannot be read"):
        search(Network.FORECASTER, parts, PLAN, tmp_path / "s")


def test_data_that_cannot_train_are_refused_before_any_trial(tmp_path: Path) -> None:
    with pytest.raises(KilowatchError, match="All training windows are normal"):
        search(Network.EDGE_CLASSIFIER, parts, PLAN, tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_the_command_trains_the_best_on_history_before_the_test_share(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    data, model = history(tmp_path / "fridge.csv", 8), tmp_path / "model.onnx"
    words = ["--trials=1", "--trial-epochs=1", "--epochs=1", "--window=40", "--test-share=0.5"]
    places = [f"--out={model}", f"--study={tmp_path / 's'}"]
    done = CliRunner().invoke(app, ["forecaster", "--data", str(data), *words, *places], env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.exception
    assert "1 trials" in done.stderr
    told = read_artifact(model).card.trained_on
    assert told.last_ms - told.first_ms <= 0.52 * 2400 * 30_000
    wrong = CliRunner().invoke(app, ["edge-classifier", "--data", str(data), *words, *places])
    assert isinstance(wrong.exception, ConfigError)
