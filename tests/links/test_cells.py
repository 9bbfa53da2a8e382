from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kilowatch.links.files.cells import numbers, switches, unit_factors, watts_with_units

CELLS = st.sampled_from(["1", "-2.5", " 3 ", "1e3", "abc", "", "?", "NaN", "inf", "1_0", "0x1", "nan", "12,5", "- 5"])


def test_text_becomes_numbers_and_gaps() -> None:
    cells = numbers(pa.array(["1.5", "?", "", None, " 7 ", "watt", "NaN", "-inf"]))
    assert cells.value[[0, 4]].tolist() == [1.5, 7.0]
    assert cells.value[7] == -math.inf
    assert np.isnan(cells.value[[1, 2, 3, 5, 6]]).all()
    assert np.flatnonzero(cells.bad).tolist() == [5]


def test_decimal_comma_is_read_where_told() -> None:
    assert numbers(pa.array(["12,5", "3"]), decimal_comma=True).value.tolist() == [12.5, 3.0]
    assert numbers(pa.array(["12,5", "3"])).bad.tolist() == [True, False]


@pytest.mark.parametrize("kind", [pa.int16(), pa.float32(), pa.uint64(), pa.decimal128(22, 1), pa.bool_()])
def test_typed_columns_keep_their_gaps(kind: pa.DataType) -> None:
    cells = numbers(pa.array([1, None, 0]).cast(kind))
    assert cells.value[[0, 2]].tolist() == [1.0, 0.0]
    assert math.isnan(cells.value[1])
    assert not cells.bad.any()


@settings(deadline=None, max_examples=50)
@given(st.lists(CELLS, min_size=1, max_size=40))
def test_a_cell_reads_alike_in_any_company(texts: list[str]) -> None:
    together = numbers(pa.array(texts))
    alone = [numbers(pa.array([text])) for text in texts]
    assert together.bad.tolist() == [cells.bad[0] for cells in alone]
    np.testing.assert_array_equal(together.value, [cells.value[0] for cells in alone])


def test_units_in_cells_scale_each_row() -> None:
    cells = watts_with_units(pa.array(["350 W", "1.2kW", "80", "?", "3 apples", "watt"]), 1.0)
    assert cells.value[:3].tolist() == [350.0, 1200.0, 80.0]
    assert cells.bad.tolist() == [False, False, False, False, True, True]


def test_unit_column_tells_milli_from_mega() -> None:
    factors = unit_factors(pa.array(["W", "kW", "MW", "mW", "kVA", None, "Watts"]), 1000.0)
    assert factors[[0, 1, 2, 3, 5, 6]].tolist() == [1.0, 1e3, 1e6, 1e-3, 1e3, 1.0]
    assert math.isnan(factors[4])


def test_switch_states() -> None:
    assert switches(pa.array(["on", "OFF", "1", "0", "true", "No", "", "dim", None])).tolist() == [
        1, 0, 1, 0, 1, 0, -1, -1, -1,
    ]  # fmt: skip
    assert switches(pa.array([True, False, None])).tolist() == [1, 0, -1]
    assert switches(pa.array([1, 0])).tolist() == [1, 0]
