from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import pytest

from components.once import FOLDER, once_a_run

if TYPE_CHECKING:
    from pathlib import Path


def counted(marks: Path) -> int:
    with marks.open("a") as file:
        file.write("x")
    return len(marks.read_text())


def ask(marks: Path) -> None:
    assert once_a_run("number", lambda: counted(marks)) == 1


def test_all_processes_of_a_run_share_what_one_of_them_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    marks = tmp_path / "marks"
    asking = [multiprocessing.get_context("spawn").Process(target=ask, args=(marks,)) for _ in range(3)]
    for process in asking:
        process.start()
    for process in asking:
        process.join(60)
    assert [process.exitcode for process in asking] == [0, 0, 0]
    assert marks.read_text() == "x"


def test_what_failed_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        once_a_run("number", lambda: 1 // 0)
    assert once_a_run("number", lambda: 7) == 7
