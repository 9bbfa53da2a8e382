"""Models that ship with kilowatch, trained on the simulated home alone by scripts/make_models.py (docs/models.md)."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the shipped models, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.onnx"))


def path_of(name: str) -> Path:
    """Return where a shipped model lies."""
    return FOLDER / f"{name}.onnx"
