"""`scripts/components.py up|down|status`: real components in the background."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor import homeassistant, kafka, mosquitto, postgres, prometheus, zookeeper
from supervisor.daemons import StartError, check_linux
from supervisor.places import HOST, MissingComponentError, free_port
from supervisor.record import Record, load, write_environment

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class _Component:
    """How to start a component on a port, and the port it has where ports are fixed."""

    port: int
    start: Callable[[Path, int], Record]


def _kafka(folder: Path, port: int) -> Record:
    cluster = kafka.up(folder, kafka.Plan(port=port, bound=False, lasting=True))
    return Record("kafka", {"KILOWATCH_KAFKA__BOOTSTRAP": cluster.bootstrap}, cluster.daemons)


def _zookeeper(folder: Path, port: int) -> Record:
    daemon = zookeeper.up(folder, port, bound=False)
    return Record("zookeeper", {"ZOOKEEPER_CONNECT": f"{HOST}:{port}"}, [daemon])


def _mosquitto(folder: Path, port: int) -> Record:
    broker = mosquitto.up(folder, port, bound=False)
    addresses = {
        "MQTT_HOST": broker.host,
        "MQTT_PORT": str(broker.port),
        "MQTT_TLS_PORT": str(broker.tls_port),
        "MQTT_USER": broker.user,
        "MQTT_PASSWORD": broker.password,
        "MQTT_CA": str(broker.authority),
    }
    return Record("mosquitto", addresses, [broker.daemon] if broker.daemon else [])


def _postgres(folder: Path, port: int) -> Record:
    server = postgres.up(folder, port, bound=False)
    addresses = {"KILOWATCH_DATABASE__URL": server.bare_url, "KILOWATCH_DATABASE__PASSWORD": postgres.PASSWORD}
    return Record("postgres", addresses, [server.daemon] if server.daemon else [])


def _prometheus(folder: Path, port: int) -> Record:
    server = prometheus.prometheus_up(folder, port, bound=False)
    return Record("prometheus", {"PROMETHEUS_URL": server.url}, [server.daemon])


def _alertmanager(folder: Path, port: int) -> Record:
    server = prometheus.alertmanager_up(folder, port, bound=False)
    return Record("alertmanager", {"ALERTMANAGER_URL": server.url}, [server.daemon])


def _homeassistant(folder: Path, port: int) -> Record:
    server = homeassistant.up(folder, port, bound=False)
    section = "KILOWATCH_SOURCES__HOME_ASSISTANT"
    addresses = {f"{section}__URL": server.url, f"{section}__TOKEN": server.token}
    return Record("homeassistant", addresses, [server.daemon] if server.daemon else [])


COMPONENTS = {
    "kafka": _Component(19_092, _kafka),
    "zookeeper": _Component(12_181, _zookeeper),
    "prometheus": _Component(19_090, _prometheus),
    "alertmanager": _Component(19_095, _alertmanager),
    "mosquitto": _Component(18_830, _mosquitto),
    "postgres": _Component(15_432, _postgres),
    "homeassistant": _Component(18_123, _homeassistant),
}


def main(words: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 something asked for does not run, 4 it cannot be had."""
    asked = _parsed(words)
    folder = asked.dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        check_linux()
        done = _ACTIONS[asked.action](folder, asked.names or list(COMPONENTS), ports=asked.ports)
    except MissingComponentError as error:
        print(error, file=sys.stderr)
        return 4
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        write_environment(folder, [record for name in COMPONENTS if (record := load(folder, name))])
    return 0 if done else 1


def _up(folder: Path, names: list[str], *, ports: str) -> bool:
    for name in names:
        record = load(folder, name)
        if record is None or not record.is_alive:
            component = COMPONENTS[name]
            record = component.start(folder / name, component.port if ports == "fixed" else free_port())
            record.save(folder)
        _show(record)
    print(f"addresses for a shell: . {folder}/env")
    return True


def _down(folder: Path, names: list[str], *, ports: str) -> bool:
    del ports
    for name in reversed(names):
        record = load(folder, name)
        if record is not None:
            record.drop(folder)
            print(f"{name}: stopped")
    return True


def _status(folder: Path, names: list[str], *, ports: str) -> bool:
    del ports
    records = [(name, load(folder, name)) for name in names]
    for name, record in records:
        if record is None:
            print(f"{name}: down")
        else:
            _show(record)
    return all(record is not None and record.is_alive for _, record in records)


def _show(record: Record) -> None:
    pids = " ".join(str(daemon.pid) for daemon in record.daemons)
    state = "up" if record.is_alive else "died, see " + " ".join(daemon.log for daemon in record.daemons)
    print(f"{record.name}: {state} (pid {pids}) " + " ".join(f"{k}={v}" for k, v in record.addresses.items()))


_ACTIONS = {"up": _up, "down": _down, "status": _status}


def _parsed(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Real components on loopback, for tests, benchmarks and trying out.")
    parser.add_argument("action", choices=_ACTIONS)
    parser.add_argument("names", nargs="*", metavar="component", help=f"of {', '.join(COMPONENTS)}; all without one")
    parser.add_argument("--dir", type=Path, default=_ROOT / ".run" / "components", help="state, data and logs")
    parser.add_argument("--ports", choices=("auto", "fixed"), default="fixed", help="auto takes free ones")
    asked = parser.parse_args(words)
    unknown = set(asked.names) - set(COMPONENTS)
    if unknown:
        parser.error(f"no such component: {', '.join(sorted(unknown))}; there are {', '.join(COMPONENTS)}")
    return asked
