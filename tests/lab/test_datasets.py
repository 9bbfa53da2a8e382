"""Where data are expected, and what is said where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kilowatch.core.device import Kind
from kilowatch.errors import ReadingError
from kilowatch.lab.datasets import Family, data_root, folder, has, meters, source_of
from lab import made_data

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KILOWATCH_DATA", str(tmp_path))
    return tmp_path


def test_the_variable_names_the_folder(root: Path) -> None:
    assert data_root() == root


def test_without_the_variable_it_lies_beside_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KILOWATCH_DATA", raising=False)
    assert data_root().parts[-2:] == ("shared", "data")
    assert not data_root().is_relative_to(data_root().parents[1] / "src")


@pytest.mark.parametrize("family", list(Family))
def test_what_is_missing_is_named_with_its_place_and_origin(root: Path, family: Family) -> None:
    assert not has(family)
    with pytest.raises(ReadingError, match=str(root / family)) as error:
        folder(family)
    assert "KILOWATCH_DATA" in error.value.hint
    assert "It comes from" in error.value.hint
    assert error.value.exit_code == 3


def test_meters_are_whatever_lies_in_the_folder(root: Path) -> None:
    made_data.combed(root, days=2)
    found = meters(Family.COMBED)
    assert [meter.record.device for meter in found] == ["ahu_0", "floor_total_1"]
    assert [meter.record.kind for meter in found] == [Kind.HVAC, Kind.METER]
    assert {meter.record.time_zone for meter in found} == {"Asia/Kolkata"}
    assert found[0].name == "combed/ahu_0"
    assert source_of(found[0]).path == found[0].path


def test_a_folder_without_power_is_refused(root: Path) -> None:
    made_data.nab(root, series=1).rename(root / "combed")
    with pytest.raises(ReadingError, match="Nothing could be read"):
        meters(Family.COMBED)
