"""deploy/compose.yaml brought up by podman-compose: our image, and stand-ins of Debian for those of others."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from images.build import IMAGES, build
from images.podman import podman, program
from supervisor.places import MissingComponentError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).parents[2] / "deploy" / "compose.yaml"
OTHERS = ("kafka", "postgres", "prometheus", "alertmanager")
WITHOUT_STAND_IN = ("grafana", "mosquitto")
PORTS = ("PUSH_PORT", "WEB_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT")
SECRETS = ("database_password", "push_token", "web_token", "grafana_password")
TOKEN = "0123456789abcdef" * 2
HEALTHY_S = 240.0
_STOP_S = "60"
_LIMITS = {"nofile": {"soft": 1024, "hard": 1024}, "nproc": {"soft": 4096, "hard": 4096}}
"""What containers inherit otherwise is more than a machine without CAP_SYS_RESOURCE may give them."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A project of compose. before: the words that name it; environment: what its file reads, the ports among it."""

    name: str
    before: tuple[str, ...]
    environment: Mapping[str, str]
    services: Mapping[str, Any]

    def url(self, port: str) -> str:
        """Return the address of a port, by the name of its variable."""
        return f"http://127.0.0.1:{self.environment[port]}"

    def compose(self, *words: str, timeout_s: float = 300) -> str:
        """Run podman-compose to its end."""
        done = subprocess.run(
            [*self.before, *words], capture_output=True, text=True, check=False, timeout=timeout_s,
            env={**os.environ, **self.environment},
        )  # fmt: skip
        assert done.returncode == 0, f"podman-compose {' '.join(words)}: {(done.stdout + done.stderr)[-4000:]}"
        return done.stdout

    def up(self) -> None:
        """Start service after service, each once what it depends on is as the file wants it."""
        for stage in self._stages():
            self.compose("up", "--detach", "--no-build", "--no-deps", "--no-recreate", *stage)
            for service in stage:
                self._wait(service)

    def down(self) -> None:
        """Stop and remove all of it with its volumes, those without a name too, which podman-compose leaves."""
        left = self.left()
        if not any(left.values()):
            return
        self.compose("down", "--volumes", "--timeout", _STOP_S)
        for volume in set(left["volume"]) & set(podman("volume", "ls", "--quiet").split()):
            podman("volume", "rm", volume)

    def left(self) -> dict[str, list[str]]:
        """Return the ids and names of what there is of the project."""
        label = f"label=io.podman.compose.project={self.name}"
        containers = podman("ps", "--all", "--quiet", "--filter", label).split()
        told = json.loads(podman("inspect", *containers)) if containers else []
        mounted = {mount["Name"] for one in told for mount in one["Mounts"] if mount["Type"] == "volume"}
        named = podman("volume", "ls", "--quiet", "--filter", label).split()
        networks = podman("network", "ls", "--quiet", "--filter", label).split()
        return {"container": containers, "volume": sorted({*mounted, *named}), "network": networks}

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what podman knows of a service's one container."""
        (told,) = json.loads(podman("inspect", self._container(service)))
        found: dict[str, Any] = told
        return found

    def is_healthy(self, service: str) -> bool:
        """Run the health check that the file gives a service; podman needs systemd to do so by itself."""
        words = [*program(), "healthcheck", "run", self._container(service)]
        return subprocess.run(words, capture_output=True, check=False, timeout=60).returncode == 0

    def logs(self) -> str:
        """Return the end of what each service said."""
        return "\n".join(
            f"== {service}\n{podman('logs', '--tail=15', self._container(service))}"
            for service in self.services
            if any(service == one["Labels"]["com.docker.compose.service"] for one in self._containers())
        )

    def _containers(self) -> list[dict[str, Any]]:
        label = f"label=io.podman.compose.project={self.name}"
        found: list[dict[str, Any]] = json.loads(podman("ps", "--all", "--format=json", "--filter", label))
        return found

    def _container(self, service: str) -> str:
        return f"{self.name}_{service}_1"

    def _stages(self) -> Iterator[list[str]]:
        done: set[str] = set()
        while rest := [name for name in self.services if name not in done]:
            stage = [name for name in rest if set(self.services[name].get("depends_on", ())) <= done]
            assert stage, f"{rest} wait for each other"
            yield stage
            done |= set(stage)

    def _wait(self, service: str) -> None:
        check = self.services[service].get("healthcheck", {})
        deadline = time.monotonic() + HEALTHY_S
        while not (self._is_done(service) if check.get("disable") else not check or self.is_healthy(service)):
            assert time.monotonic() < deadline, f"{service} is not there after {HEALTHY_S:.0f} s:\n{self.logs()}"
            time.sleep(0.5)

    def _is_done(self, service: str) -> bool:
        state = self.inspect(service)["State"]
        return state["Status"] == "exited" and state["ExitCode"] == 0


def stack(folder: Path) -> Stack:
    """Return the stack with free ports, secrets in the folder, and every image built; nothing runs yet."""
    compose = _podman_compose()
    images = {name: build(IMAGES[name], "test") for name in ("kilowatch", *OTHERS)}
    ports = {name: str(free_port()) for name in PORTS}
    name = f"kilowatch-test-{ports['WEB_PORT']}"
    services = {
        key: service
        for key, service in yaml.safe_load(FILE.read_text())["services"].items()
        if key not in WITHOUT_STAND_IN
    }
    more = folder / "limits.yaml"
    more.write_text(yaml.safe_dump({"services": {key: {"ulimits": _LIMITS} for key in services}}))
    environment = {f"{key.upper()}_IMAGE": image for key, image in images.items()}
    environment |= ports | {"KILOWATCH_SECRETS": str(_secrets(folder))}
    _, *options = program()
    before = (compose, "--in-pod=false", *(f"--podman-args={word}" for word in options))
    return Stack(name, (*before, "-p", name, "-f", str(FILE), "-f", str(more)), environment, services)


def _podman_compose() -> str:
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which("podman-compose", path=folders)
    if found is None:
        raise MissingComponentError("podman-compose is not installed: pip install podman-compose")
    return found


def _secrets(folder: Path) -> Path:
    made = folder / "secrets"
    made.mkdir(mode=0o755)
    for name in SECRETS:
        (made / name).write_text(TOKEN)
        (made / name).chmod(0o644)
    return made
