"""State as bytes: whole or refused, small, and every array as it was to the last bit."""

from __future__ import annotations

import hashlib
import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kilowatch.app import packing
from kilowatch.app.compression import LIGHT_BYTES, codec_for
from kilowatch.app.packing import _PREFIX, MAX_RAW_BYTES, pack, unpack
from kilowatch.core.quantise import encode_watts
from kilowatch.core.state import STATE_V, Frozen, freeze
from kilowatch.core.state_nodes import Whole
from kilowatch.errors import StateError
from kilowatch.lab.bench.fleet import fitted_fleet, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

arrays = hnp.arrays(
    dtype=st.sampled_from(
        [np.bool_, np.uint8, np.int16, np.uint16, np.int32, np.int64, np.uint64, np.float32, np.float64]
    ),
    shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=40),
)
padding = st.tuples(st.integers(0, 400), st.sampled_from(["C", "F"]))


def frozen(*found: np.ndarray[Any, Any]) -> Frozen:
    return Frozen(STATE_V, Whole(0, "thing", {}, {"name": "'x'"}), list(found))


def as_bytes(array: np.ndarray[Any, Any]) -> tuple[object, ...]:
    is_by_place = array.flags.f_contiguous and not array.flags.c_contiguous
    return array.dtype.str, array.shape, array.tobytes(), is_by_place


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(arrays, padding), max_size=4))
def test_arrays_come_back_bit_for_bit(made: list[tuple[np.ndarray[Any, Any], tuple[int, str]]]) -> None:
    whole = [
        np.asarray(np.concatenate([array, np.repeat(array[-1:], spare, axis=0)]), order=order)  # type: ignore[call-overload]
        for array, (spare, order) in made
    ]
    back = unpack(pack(frozen(*whole)))
    assert [as_bytes(array) for array in back.arrays] == [as_bytes(array) for array in whole]
    assert back.tree.settings == {"name": "'x'"}


def test_spare_capacity_costs_nothing() -> None:
    rng = np.random.default_rng(0)
    used = rng.integers(0, 65_536, (1000, 200), dtype=np.uint16)
    spare = np.concatenate([used, np.zeros((100_000, 200), dtype=np.uint16)])
    assert len(pack(frozen(spare))) <= len(pack(frozen(used))) + 500


@pytest.fixture(scope="module", params=["small", "large"])
def packed(request: pytest.FixtureRequest) -> Iterator[bytes]:
    """A state as each codec packs it."""
    pipeline = fitted_fleet(20, "fleet")
    for batch in stream(20, 4):
        pipeline.step(batch)
    with pytest.MonkeyPatch.context() as patch:
        size = 0 if request.param == "small" else LIGHT_BYTES + 1
        patch.setattr(packing, "codec_for", lambda _: codec_for(size))
        yield pack(freeze(pipeline))


def test_both_codecs_give_the_same_state_back() -> None:
    numbers = [np.arange(LIGHT_BYTES // 8 + spare, dtype=np.int64) for spare in (0, 1)]
    light, heavy = (pack(frozen(array)) for array in numbers)
    assert light[7] == STATE_V | 0x80
    assert heavy[7] == STATE_V
    for packed_, array in zip((light, heavy), numbers, strict=True):
        back = unpack(packed_)
        assert back.version == STATE_V
        assert as_bytes(back.arrays[0]) == as_bytes(array)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_torn_and_changed_bytes_are_refused(packed: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(StateError):
        unpack(packed[:at])
    changed = bytearray(packed)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(StateError):
        unpack(bytes(changed))


def sealed(
    packed: bytes, *, body: bytes | None = None, head_raw: int | None = None, version: int | None = None
) -> bytes:
    """The same with another body, head or version, under a digest that fits."""
    magic, marked, _, raw, size = _PREFIX.unpack_from(packed)
    version = marked if version is None else version
    body, raw = packed[_PREFIX.size :] if body is None else body, raw if head_raw is None else head_raw
    digest = hashlib.sha256(struct.pack(">BII", version, raw, size) + body).digest()
    return bytes(_PREFIX.pack(magic, version, digest, raw, size) + body)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_hostile_bytes_under_a_digest_that_fits_are_refused_or_harmless(packed: bytes, data: st.DataObject) -> None:
    body = bytearray(packed[_PREFIX.size :])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpack(sealed(packed, body=bytes(body)))
    except StateError:
        return
    assert isinstance(found, Frozen)


def test_a_state_that_claims_too_much_is_refused_before_memory_is_asked_for(packed: bytes) -> None:
    with pytest.raises(StateError):
        unpack(sealed(packed, head_raw=2**32 - 1))
    vast = frozen(np.zeros(MAX_RAW_BYTES // 8 // 2**20, dtype=np.int64))
    assert len(unpack(pack(vast)).arrays[0]) == MAX_RAW_BYTES // 8 // 2**20


def test_a_newer_format_is_refused_by_its_number(packed: bytes) -> None:
    mark = packed[7] & 0x80
    with pytest.raises(StateError, match=f"format {STATE_V + 1}, this kilowatch reads up to {STATE_V}"):
        unpack(sealed(packed, version=STATE_V + 1 | mark))


@pytest.mark.parametrize("kind", ["O", "M8[ms]", "S4", "c16"])
def test_only_numbers_are_ever_read(kind: str) -> None:
    with pytest.raises((StateError, TypeError, ValueError)):
        unpack(pack(frozen(np.zeros(3, dtype=kind))))


def test_a_fleet_of_meters_each_its_own_costs_under_a_kilobyte_a_device(capsys: pytest.CaptureFixture[str]) -> None:
    devices = 10_000
    pipeline, rng = fitted_fleet(devices, "fleet"), np.random.default_rng(0)
    for batch in stream(devices, 4):
        pipeline.step(batch)
    level = rng.uniform(50, 2000, (devices, 1))
    noisy = level * (1 + 0.4 * np.sin(np.arange(200) / 30 + rng.uniform(0, 6.3, (devices, 1))))
    noisy += level * rng.normal(0, 0.05, noisy.shape)
    pipeline.scorer.ring.codes[:devices] = encode_watts(noisy.ravel()).reshape(devices, -1)
    for array in (pipeline.scorer.detector.state() | pipeline.judge.thresholds.state()).values():
        fuzz = rng.integers(0, 8, array[:devices].shape)
        array[:devices] = array[:devices] * (1 + fuzz / 64.0)  # type: ignore[operator]
    started = time.process_time()
    packed = pack(freeze(pipeline))
    spent = time.process_time() - started
    with capsys.disabled():
        print(f"\n  state: {len(packed) / devices:.0f} B a device, {1e6 * spent / devices:.1f} us a device to pack")  # noqa: T201
    assert len(packed) / devices < 1024
    assert unpack(packed).make == freeze(pipeline).make


def test_minus_zero_is_no_zero() -> None:
    back = unpack(pack(frozen(np.full(4096, -0.0), np.zeros((64, 8)))))
    assert np.signbit(back.arrays[0]).all()
    assert not np.signbit(back.arrays[1]).any()
