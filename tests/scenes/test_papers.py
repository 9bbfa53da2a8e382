"""The scenes of both papers, whole: a TV goes wrong, a network finds it, one REST call switches its plug off."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
from supervisor.places import free_port

from app.live import until
from app.services import TOKEN
from kilowatch.core.events import ActionState, IncidentEvent
from kilowatch.detectors.network import STRIDES
from kilowatch.errors import KilowatchError
from kilowatch.links.database import Database, DatabaseSettings
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from scenes.television import GROSS, HEADERS, PASSWORD, STRENGTH, Television, trained

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kilowatch.core.records import AuditEntry
    from kilowatch.links.kafka.settings import Access

SOON_MS = 4 * 60_000
"""Odd for so long before it is looked at: what a cluster acts on must be two minutes old at most."""
CLAIMED, SENT, CONFIRMED = ActionState.CLAIMED, ActionState.SENT, ActionState.CONFIRMED


class Scene:
    """One kilowatch as processes in a folder, fed by HTTP push, and its TV."""

    def __init__(self, folder: Path, command: str, network: Network, settings: str = "") -> None:
        self.folder, self.command, self.port = folder, command, free_port()
        self.model = folder / "model.onnx"
        self.model.write_bytes(trained(network).data)
        self.detector = f"{network.value}:{self.model}"
        seldom = network is Network.AUTOENCODER
        self.tv = Television(GROSS, odd_for_ms=SOON_MS) if seldom else Television(STRENGTH)
        self.tv.host.start()
        (folder / "kilowatch.toml").write_text(
            f'[data]\nfolder = "{folder / "data"}"\n[detector]\nname = "{self.detector}"\nlearning_days = 2\n'
            f"[sources.push]\nenabled = true\nport = {self.port}\n{self.tv.settings()}{settings}"
        )
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = os.environ | {
            "KILOWATCH_SOURCES__PUSH__TOKEN": TOKEN,
            "KILOWATCH_DEVICES__TV__PASSWORD": PASSWORD,
        }

    @contextmanager
    def played(self) -> Iterator[None]:
        """Let it run, and end in order."""
        with (self.folder / "log").open("wb") as log:
            process = self.process = subprocess.Popen(
                self._words(self.command), stdout=log, stderr=subprocess.STDOUT, env=self.environment
            )
        try:
            yield
            process.terminate()
            assert process.wait(90) == 0, self.said()
        finally:
            process.kill()
            process.wait()
            self.tv.host.stop()

    def person(self, words: str) -> str:
        """What a person types, and what it prints."""
        done = subprocess.run(self._words(words), capture_output=True, text=True, check=False, env=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def push(self, messages: Iterable[bytes]) -> None:
        """Send readings, each message until it is safe."""
        with httpx.Client(headers=HEADERS, timeout=30, trust_env=False) as client:
            for message in messages:
                until(partial(self._is_taken, client, message), "nothing is taken")

    def books(self) -> tuple[list[AuditEntry], list[IncidentEvent]]:
        """The audit, oldest first, and the incidents."""
        with closing(self._database()) as database, database.read() as transaction:
            lines = list(reversed(transaction.audit.last(1000)))
            found = [known.event for known in transaction.incidents.between(0, 2**60)]
        return lines, found

    def is_off(self) -> bool:
        """Go on reading the plug's meter, and say whether the books know that it is off, and why."""
        self.push([self.tv.now()])
        time.sleep(0.5)
        lines, incidents = self.books()
        # Who switches and who keeps incidents read the same log at paces of their own.
        known = {event.id for event in incidents}
        return any(line.what == CONFIRMED and line.incident in known for line in lines)

    def said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _is_taken(self, client: httpx.Client, message: bytes) -> bool:
        assert self.process is None or self.process.poll() is None, self.said()[-3000:]
        try:
            return client.post(f"http://127.0.0.1:{self.port}/v1/readings", content=message).is_success
        except httpx.TransportError:
            time.sleep(0.2)
            return False

    def _words(self, words: str) -> list[str]:
        return [sys.executable, "-m", "kilowatch", *words.split(), "--config", str(self.folder / "kilowatch.toml")]

    def stage_of_tv(self) -> str:
        assert self.process is None or self.process.poll() is None, self.said()[-3000:]
        try:
            with closing(self._database()) as database, database.read() as transaction:
                known = transaction.devices.get("home", "tv")
        except KilowatchError:
            return ""
        return "" if known is None else known.record.stage.value

    def _database(self) -> Database:
        return Database(DatabaseSettings(f"sqlite:///{self.folder / 'data' / 'kilowatch.db'}"))


def judged(scene: Scene, side: str) -> None:
    """Hold the scene to what the papers promise, and to what a safe hand promises beyond them."""
    lines, incidents = scene.books()
    confirmed = next(line for line in lines if line.what == CONFIRMED)
    steps = [line.what for line in lines if line.incident == confirmed.incident and line.what in set(ActionState)]
    assert steps == [CLAIMED, SENT, CONFIRMED], (side, steps)
    assert scene.tv.offs() == 1
    assert not scene.tv.plug.outlet.is_on
    own = artifact_of(scene.model.read_bytes()).sha256
    assert confirmed.model == own
    assert confirmed.score is not None
    assert confirmed.threshold is not None
    assert confirmed.score > confirmed.threshold
    assert (confirmed.avoided_wh or 0.0) > 0.0
    event = next(event for event in incidents if event.id == confirmed.incident)
    assert event.rule == scene.detector.partition(":")[0]
    assert abs(event.first_ms - scene.tv.odd_ms) < 12 * 60_000
    told = scene.person("audit show")
    assert own[:12] in told
    assert "saved about" in told


@pytest.mark.timeout(600)
def test_the_edge_paper_a_classifier_beside_the_plug_switches_it_off(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "run", Network.EDGE_CLASSIFIER)
    with scene.played():
        scene.push(scene.tv.past())
        until(lambda: scene.stage_of_tv() == "watching", f"the TV was not learnt: {scene.said()[-3000:]}")
        scene.person("device arm home tv")
        scene.push(scene.tv.lately())
        until(scene.is_off, f"it was not switched off: {scene.said()[-3000:]}")
    judged(scene, "edge")


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_the_cloud_paper_an_autoencoder_behind_kafka_switches_it_off(kafka_topics: Access, tmp_path: Path) -> None:
    kafka = f'[kafka]\nbootstrap = "{kafka_topics.bootstrap}"\npartitions = 4\ngroup = "scene"\n[metrics]\nport = 0\n'
    scene = Scene(tmp_path, "serve all", Network.AUTOENCODER, kafka)
    with scene.played():
        scene.push(scene.tv.past(STRIDES[Network.AUTOENCODER]))
        until(lambda: scene.stage_of_tv() != "", "the TV is not in the books")
        scene.person("device set home tv stage=armed acts_by=cloud")
        scene.push(scene.tv.lately())
        until(scene.is_off, f"it was not switched off: {scene.said()[-3000:]}")
    judged(scene, "cloud")
