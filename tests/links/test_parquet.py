from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from kilowatch.core.device import Kind
from links.tables import START_MS, failure, open_one, read, read_file, seconds, stamps, write_parquet

if TYPE_CHECKING:
    from pathlib import Path


def test_every_column_is_read(tmp_path: Path) -> None:
    batch = read_file(
        write_parquet(
            tmp_path / "fridge.parquet",
            {
                "timestamp": stamps(3),
                "power_w": [1.0, None, 3.0],
                "energy_wh": pa.array([5, 6, 7], pa.int32()),
                "voltage_v": [230.0, 231.0, None],
                "current_a": [0.1, 0.2, 0.3],
                "on": [True, False, None],
            },
        )
    )
    assert seconds(batch) == [0.0, 30.0, 60.0]
    np.testing.assert_array_equal(batch.power_w, [1.0, np.nan, 3.0])
    assert batch.energy_wh is not None
    assert batch.energy_wh.tolist() == [5.0, 6.0, 7.0]
    assert batch.voltage_v is not None
    assert batch.voltage_v.dtype == np.float32
    assert batch.on is not None
    assert batch.on.tolist() == [1, 0, -1]
    assert batch.backfill is None
    assert batch.received_ms is None


def test_device_and_site_columns_name_the_devices(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "homes.parquet",
        {
            "timestamp": stamps(6),
            "home": pa.array(["a", "b", "a", "b", "a", None]),
            "plug": pa.array(["fridge", "fridge", "TV", "fridge", "fridge", "TV"]).dictionary_encode(),
            "power_w": np.arange(6.0),
        },
    )
    source = open_one(path)
    assert [(r.site, r.device, r.kind) for r in source.devices()] == [
        ("a", "fridge", Kind.FRIDGE), ("b", "fridge", Kind.FRIDGE), ("a", "TV", Kind.TV),
    ]  # fmt: skip
    assert read(source).slot.tolist() == [0, 1, 2, 1, 0]
    assert [(p.row, p.reason) for p in source.problems()] == [(6, "The row names no device.")]


def test_batches_are_cut_to_size_and_join_to_the_same(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"ts": stamps(1000), "w": np.arange(1000.0)}, row_group_size=170)
    source = open_one(path)
    whole, small = read(source), read(source, rows=64)
    assert whole.ts_ms.tolist() == small.ts_ms.tolist()
    assert whole.power_w.tolist() == small.power_w.tolist()
    from kilowatch.core.device import Fleet

    assert max(len(batch) for batch in source.batches(Fleet(), rows=64)) == 64
    assert source.estimated_rows() == 1000


def test_a_damaged_row_group_costs_only_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = write_parquet(
        tmp_path / "a.parquet", {"ts": stamps(9000), "w": rng.random(9000)}, row_group_size=3000, compression="zstd"
    )
    offset = parquet.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    content = bytearray(path.read_bytes())
    content[offset + 200 : offset + 4000] = b"\xff" * 3800
    path.write_bytes(content)
    source = open_one(path)
    batch = read(source)
    assert len(batch) == 6000
    (problem,) = source.problems()
    assert (problem.path, problem.row, problem.rows) == (path, 3001, 3000)
    assert source.problem_rows == 3000
    assert "row group 1 cannot be decoded" in problem.reason


def test_a_truncated_file_fails_with_what_to_do(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"ts": stamps(1000), "w": np.arange(1000.0)})
    path.write_bytes(path.read_bytes()[:-100])
    message, hint = failure(path)
    assert "no whole Parquet file" in message
    assert "copy or export it again" in hint


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ts": stamps(0), "w": pa.array([], pa.float64())}, "no rows"),
        ({"ts": stamps(3), "energy_wh": [1.0, 2.0, 3.0]}, "energy register (energy_wh) but no power"),
        ({"value": [1.0, 2.0, 3.0], "label": [0, 0, 1]}, "No column holds times; the columns are value, label."),
        ({"ts": stamps(3), "name": ["a", "b", "c"]}, "No column holds power"),
        ({"ts": stamps(3), "temperature": [1.0, 2.0, 3.0]}, "No column holds power"),
        ({"ts": pa.array([None] * 3, pa.timestamp("ms")), "w": [1.0, 2.0, 3.0]}, "No row of the sample"),
    ],
)
def test_other_tables_fail_with_a_reason(tmp_path: Path, columns: dict[str, pa.Array], message: str) -> None:
    said, hint = failure(write_parquet(tmp_path / "a.parquet", columns))
    assert message in said
    assert hint


def test_nested_columns_are_left_alone(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"ts": stamps(3), "tags": [[1], [2], [3]], "power": [1.5, 2.5, 3.5]})
    assert read_file(path).power_w.tolist() == [1.5, 2.5, 3.5]


def test_text_and_epochs_in_parquet_read_as_in_csv(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet", {"time": [str(START_MS), str(START_MS + 30_000)], "power": ["1,5", "2,5"]}
    )
    assert seconds(read_file(path)) == [0.0, 30.0]
    assert read_file(path).power_w.tolist() == [1.5, 2.5]
    epochs = write_parquet(tmp_path / "b.parquet", {"t": [START_MS / 1000, START_MS / 1000 + 0.5], "power_kw": [1, 2]})
    assert seconds(read_file(epochs)) == [0.0, 0.5]
    assert read_file(epochs).power_w.tolist() == [1000.0, 2000.0]


def test_the_zone_of_the_column_becomes_the_devices_zone(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"ts": stamps(30, "Europe/Madrid"), "w": np.arange(30.0)})
    assert [record.time_zone for record in open_one(path).devices()] == ["Europe/Madrid"]
    assert [record.time_zone for record in open_one(path, time_zone="Asia/Tokyo").devices()] == ["Asia/Tokyo"]
    assert seconds(read_file(path, time_zone="Asia/Tokyo"))[:2] == [0.0, 30.0]
