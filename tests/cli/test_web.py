"""What the commands that serve a page bring to it: the models of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kilowatch.cli.web import ModelFolder
from kilowatch.nets.registry import ModelRegistry
from kilowatch.nets.shipped import path_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_models_of_a_folder_are_read_once_and_one_that_is_torn_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ModelFolder(tmp_path)
    assert folder() == []
    digest = ModelRegistry(tmp_path).add(path_of("fridge-forecaster").read_bytes()).sha256
    file = ModelRegistry(tmp_path).path(digest)
    torn = file.with_name("0" * 64 + ".onnx")
    torn.write_bytes(b"torn")
    (fact,) = folder()
    assert (fact.sha256, fact.network) == (digest, "forecaster")
    reads: list[str] = []
    monkeypatch.setattr(ModelRegistry, "read", lambda _, sha256: reads.append(sha256))
    torn.unlink()
    assert folder() == [fact]
    assert reads == [], "a file by its hash never changes"
    file.unlink()
    assert folder() == [], "what was taken away is not shown"


def test_a_model_that_cannot_be_read_is_told_of_once_and_read_again_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, registry = ModelFolder(tmp_path), ModelRegistry(tmp_path)
    whole = path_of("fridge-forecaster").read_bytes()
    digest = registry.add(whole).sha256
    file = registry.path(digest)
    file.write_bytes(b"torn")
    for _ in range(3):
        assert folder() == []
    assert len(caplog.records) == 1
    file.write_bytes(whole)
    assert [fact.sha256 for fact in folder()] == [digest]
