"""Verdicts and incidents as Parquet: what was judged is what is read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from pyarrow import parquet

from app.judgements import GRID_MS, event_of, judged_of
from core.messages import EVENT
from kilowatch.core.device import DeviceRecord, Fleet
from kilowatch.core.events import Evidence, IncidentEvent
from kilowatch.errors import ConfigError
from kilowatch.links.tables import VerdictWriter
from links.tables import START_MS

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.core.judged import Judged


def fleet() -> Fleet:
    return Fleet([DeviceRecord(site=site, device=device) for site, device in (("a", "fridge"), ("b", "fridge"))])


def written(folder: Path, *parts: Judged, incidents: tuple[IncidentEvent, ...] = (), of: Fleet | None = None) -> Path:
    writer = VerdictWriter(folder / "out", of or fleet())
    for part in parts:
        writer.add(part)
    writer.close(incidents)
    return folder / "out"


def rows(path: Path) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return out


def test_a_verdict_is_one_row_with_the_name_of_its_device(tmp_path: Path) -> None:
    part = judged_of(
        [5.0, 15.0], slot=1, start_ms=START_MS, score=[0.5, 1.5], watching=[False, True], held=[True, False]
    )
    first, second = rows(written(tmp_path, part) / "verdicts.parquet")
    assert (first["site"], first["device"]) == ("b", "fridge")
    assert first["timestamp"].isoformat() == "2024-06-01T00:00:00+00:00"
    assert (first["power_w"], second["power_w"]) == pytest.approx((5, 15), rel=2e-4)
    assert (first["score"], second["score"], second["confirmed"]) == (0.5, 1.5, 1.5)
    assert (first["expected_low_w"], first["expected_high_w"]) == (10, 20)
    assert (first["watching"], second["watching"]) == (False, True)
    assert (first["held"], second["held"]) == (True, False)


def test_what_is_not_known_is_null(tmp_path: Path) -> None:
    part = judged_of([5.0, 6.0], score=[np.nan, 1.0])
    assert [row["score"] for row in rows(written(tmp_path, part) / "verdicts.parquet")] == [None, 1.0]


def test_parts_come_in_their_order_and_small_ones_share_a_group(tmp_path: Path) -> None:
    parts = [
        judged_of(np.full(200, 5.0), slot=number % 2, start_ms=START_MS + 200 * GRID_MS * number)
        for number in range(50)
    ]
    path = written(tmp_path, *parts) / "verdicts.parquet"
    table = parquet.read_table(path)
    assert table.num_rows == 10_000
    assert parquet.read_metadata(path).num_row_groups == 1
    assert table["site"].to_pylist() == [site for number in range(50) for site in ["ab"[number % 2]] * 200]
    assert table["timestamp"].to_pylist() == sorted(table["timestamp"].to_pylist())


def test_much_is_written_as_it_comes(tmp_path: Path) -> None:
    parts = [judged_of(np.full(70_000, 5.0), start_ms=START_MS + number) for number in range(4)]
    path = written(tmp_path, *parts) / "verdicts.parquet"
    assert parquet.read_metadata(path).num_rows == 280_000
    assert parquet.read_metadata(path).num_row_groups > 1


def test_a_fleet_that_grows_keeps_its_names(tmp_path: Path) -> None:
    growing = fleet()
    writer = VerdictWriter(tmp_path, growing)
    writer.add(judged_of([1.0], slot=0))
    growing.add(DeviceRecord(site="b", device="attic"))
    writer.add(judged_of([2.0, 3.0], slot=2))
    writer.close([])
    found = rows(tmp_path / "verdicts.parquet")
    assert [(row["site"], row["device"]) for row in found] == [("a", "fridge"), ("b", "attic"), ("b", "attic")]


def test_an_incident_reads_back_as_the_event_it_was(tmp_path: Path) -> None:
    events = (EVENT, event_of(id="b", expected_low_w=None, expected_high_w=None, observed_w=None))
    found = rows(written(tmp_path, incidents=events) / "incidents.parquet")
    assert tuple(msgspec.convert(row, IncidentEvent) for row in found) == events


def test_a_run_without_incidents_has_the_same_columns(tmp_path: Path) -> None:
    none = parquet.read_schema(written(tmp_path / "none") / "incidents.parquet")
    some = parquet.read_schema(written(tmp_path / "some", incidents=(EVENT,)) / "incidents.parquet")
    assert none.equals(some)
    assert tuple(none.names) == IncidentEvent.__struct_fields__
    assert tuple(field.name for field in none.field("evidence").type) == Evidence.__struct_fields__


def test_a_run_in_which_nothing_was_judged_leaves_a_table_without_rows(tmp_path: Path) -> None:
    path = written(tmp_path, judged_of([])) / "verdicts.parquet"
    assert rows(path) == []
    assert "expected_high_w" in parquet.read_schema(path).names


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        VerdictWriter(tmp_path / "file", fleet())
