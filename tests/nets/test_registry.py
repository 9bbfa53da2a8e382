from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.errors import ConfigError, ModelError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from kilowatch.nets.export import restamped
from kilowatch.nets.registry import ModelRegistry
from nets.made import trained

if TYPE_CHECKING:
    from pathlib import Path


def model(created: str) -> bytes:
    data = trained(Network.FORECASTER).data
    return restamped(data, msgspec.structs.replace(artifact_of(data).card, created=created))


def test_models_are_kept_by_hash_and_never_change(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path / "models")
    assert registry.hashes() == []
    first = registry.add(model("a")).sha256
    assert registry.add(model("a")).sha256 == first
    second = registry.add(model("b")).sha256
    assert registry.hashes() == sorted({first, second})
    assert registry.find(first[:8]) == first
    assert registry.read(first).card.created == "a"
    with pytest.raises(ConfigError, match="No models begin"):
        registry.find("zz")
    with pytest.raises(ConfigError, match="No models begin"):
        registry.find("")


def test_promote_shadow_and_roll_back(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path)
    first, second = (registry.add(model(name)).sha256 for name in "ab")
    registry.promote(first)
    assert registry.promote(second, shadow=True).shadow == second
    post = registry.promote(second)
    assert (post.live, post.shadow, post.past) == (second, None, (first,))
    assert registry.promote(second).past == (first,)
    assert registry.rollback(Network.FORECASTER).live == first
    with pytest.raises(ConfigError, match="was live before"):
        registry.rollback(Network.FORECASTER)
    registry.promote(second, "fridge")
    assert registry.post(Network.FORECASTER, "fridge").live == second
    assert registry.post(Network.FORECASTER).live == first


def test_those_who_promote_at_once_undo_nothing_of_each_other(tmp_path: Path) -> None:
    digest = ModelRegistry(tmp_path).add(model("a")).sha256
    kinds = [f"kind{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda kind: ModelRegistry(tmp_path).promote(digest, kind), kinds))
    assert {post.device_kind for post in ModelRegistry(tmp_path).index().posts} == set(kinds)


def test_a_model_that_was_changed_is_never_promoted(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path)
    first, second = (registry.add(model(name)).sha256 for name in "ab")
    registry.promote(first)
    registry.path(second).chmod(0o644)
    registry.path(second).write_bytes(model("c"))
    with pytest.raises(ModelError, match="SHA-256"):
        registry.promote(second)
    assert registry.post(Network.FORECASTER).live == first


def test_a_bad_or_newer_index_is_said(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        ModelRegistry(tmp_path).index()
    (tmp_path / "index.json").write_text('{"format": 2}')
    with pytest.raises(ModelError, match="format 2"):
        ModelRegistry(tmp_path).index()
