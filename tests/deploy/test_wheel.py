"""The packages: what stands in the wheel, and that it works where nothing else of ours is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from images.build import version

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(_ROOT)]
    subprocess.run(words, check=True, timeout=280)
    return next(folder.glob("*.whl"))


def test_the_version_stands_in_one_place(wheel: Path) -> None:
    assert wheel.name == f"kilowatch-{version()}-py3-none-any.whl"
    told = [path for path in (_ROOT / "src").rglob("*.py") if "__version__ =" in path.read_text()]
    assert told == []


def test_all_that_is_read_at_run_time_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"kilowatch/py.typed", "kilowatch/install/kilowatch.service"} <= names
    files = [
        path for path in (_ROOT / "src" / "kilowatch").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.relative_to(_ROOT / "src").as_posix() for path in files} <= names


def test_it_works_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import kilowatch, sys; from kilowatch.cli.main import app; print(kilowatch.__file__)"
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith(str(tmp_path))
