"""Models on their way to the judges: verified, warmed, switched at a commit; a bad one is refused, nothing changes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import msgspec
import pytest

from kilowatch.app.models.delivery import Delivery
from kilowatch.app.models.store import HttpModels, MissingModelError, ModelStore
from kilowatch.app.models.switch import ModelSwitch, stamped
from kilowatch.app.pipeline import Pipeline
from kilowatch.core.device import DeviceRecord, Fleet, Kind
from kilowatch.core.records import ModelChoice
from kilowatch.detectors.ewma import Ewma
from kilowatch.errors import ModelError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from kilowatch.nets.export import restamped
from kilowatch.nets.registry import ModelRegistry
from kilowatch.observability import Metrics
from links.incidents import OPENED
from nets.made import trained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from kilowatch.nets.runtime import Model


class ByModel(Ewma):
    """A cheap detector that says it judges by models. refuses: hashes that it will not take."""

    refuses: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.live: Mapping[Kind, Model] = {}

    def adopt(self, live: Mapping[Kind, Model]) -> None:
        if any(model.sha256 in self.refuses for model in live.values()):
            raise ModelError("The model was trained on another grid.", "Train one for this.")
        self.live = live

    def model_of(self, slot: int) -> str:
        del slot
        return self.live[Kind.FRIDGE].sha256 if Kind.FRIDGE in self.live else ""


@pytest.fixture(scope="module")
def made() -> tuple[bytes, bytes]:
    data = trained(Network.FORECASTER).data
    later = msgspec.structs.replace(artifact_of(data).card, created="2026-11-02T00:00:00+00:00")
    return data, restamped(data, later)


@pytest.fixture
def folder(tmp_path: Path, made: tuple[bytes, bytes]) -> ModelRegistry:
    registry = ModelRegistry(tmp_path / "models")
    for data in made:
        registry.add(data)
    return registry


def chosen(live: str | None, version: int = 1) -> ModelChoice:
    return ModelChoice(kind=Kind.FRIDGE, version=version, live=live)


def refused(metrics: Metrics, reason: str) -> float | None:
    return metrics.registry.get_sample_value("kilowatch_model_refused_total", {"reason": reason})


def judging() -> Pipeline:
    return Pipeline(Fleet([DeviceRecord(site="home", device="fridge", kind=Kind.FRIDGE)]), ByModel())


def says(pipeline: Pipeline) -> str:
    return stamped(msgspec.structs.replace(OPENED, model=""), pipeline).model


def test_a_choice_is_judged_by_from_the_next_commit_on(folder: ModelRegistry) -> None:
    first, second = folder.hashes()
    choices, metrics, pipeline = [chosen(first)], Metrics(), judging()
    delivery = Delivery(ModelStore(folder), lambda: choices, metrics)
    delivery.look()
    switch = ModelSwitch(delivery, pipeline)
    switch.at_commit()
    assert says(pipeline) == first
    choices[:] = [chosen(second, 2)]
    delivery.look()
    assert says(pipeline) == first
    switch.at_commit()
    assert says(pipeline) == second
    told = metrics.registry.get_sample_value
    name = "kilowatch_model_created_timestamp_seconds"
    assert (told(name, {"kind": "fridge", "model": second}) or 0) > 1.7e9
    assert told(name, {"kind": "fridge", "model": first}) is None


@pytest.mark.parametrize("what", ["missing", "torn", "no hash"])
def test_a_bad_model_is_refused_and_the_old_one_stays(
    folder: ModelRegistry, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = folder.hashes()
    choices, metrics, pipeline = [chosen(first)], Metrics(), judging()
    delivery = Delivery(ModelStore(folder), lambda: choices, metrics)
    delivery.look()
    if what == "torn":
        folder.path(second).chmod(0o600)
        folder.path(second).write_bytes(folder.path(second).read_bytes()[:-9])
    wrong = {"missing": "0" * 64, "torn": second, "no hash": "../../etc/passwd"}[what]
    choices[:] = [chosen(wrong, 2)]
    for _ in range(3):
        delivery.look()
    switch = ModelSwitch(delivery, pipeline)
    switch.at_commit()
    assert says(pipeline) == first
    assert refused(metrics, {"missing": "missing", "torn": "corrupt", "no hash": "corrupt"}[what]) == 1
    assert len([record for record in caplog.records if "is refused" in record.message]) == 1


def test_what_the_detector_will_not_take_is_refused_too(folder: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = folder.hashes()
    monkeypatch.setattr(ByModel, "refuses", frozenset({second}))
    choices, metrics, pipeline = [chosen(first)], Metrics(), judging()
    delivery = Delivery(ModelStore(folder), lambda: choices, metrics)
    switch = ModelSwitch(delivery, pipeline)
    for choice in (first, second):
        choices[:] = [chosen(choice)]
        delivery.look()
        switch.at_commit()
    assert says(pipeline) == first
    assert refused(metrics, "unfit") == 1


@contextmanager
def serving(bodies: Mapping[str, bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            welcome = self.headers["Authorization"] == "Bearer word"
            self.send_response(401 if not welcome else 404 if body is None else 200)
            self.end_headers()
            if welcome and body is not None:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_model_is_fetched_once_and_verified(tmp_path: Path, made: tuple[bytes, bytes]) -> None:
    known = ModelRegistry(tmp_path / "known")
    good, other = (known.add(data).sha256 for data in made)
    bodies = {f"/m/{good}.onnx": made[0], f"/m/{other}.onnx": made[0]}
    with serving(bodies) as url:
        store = ModelStore(ModelRegistry(tmp_path / "models"), HttpModels(f"{url}/m", "word"))
        assert store.get(good).sha256 == good
        with pytest.raises(ModelError, match="SHA-256"):
            store.get(other)
        with pytest.raises(MissingModelError, match="404"):
            store.get("0" * 64)
        with pytest.raises(MissingModelError, match="401"):
            ModelStore(ModelRegistry(tmp_path / "none"), HttpModels(url)).get(good)
    assert ModelRegistry(tmp_path / "models").hashes() == [good]
    assert store.get(good).sha256 == good
