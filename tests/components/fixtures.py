"""Real components that tests start once a session: Kafka, Mosquitto, PostgreSQL and the like."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parents[2] / "scripts"))

from supervisor import homeassistant, kafka, postgres
from supervisor import mosquitto as broker
from supervisor import prometheus as monitoring
from supervisor.daemons import check_linux
from supervisor.places import MissingComponentError

from components.assistant import AssistantApi
from components.topics import make_topics_anew
from kilowatch.links.kafka.settings import Access

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.homeassistant import HomeAssistant
    from supervisor.kafka import Cluster
    from supervisor.mosquitto import Mosquitto
    from supervisor.postgres import Postgres


@contextmanager
def needing_components() -> Iterator[Path]:
    """Give a folder for components, removed in the end; the test is skipped where one cannot be had.

    The folder is not pytest's own: the account that PostgreSQL runs as could not reach that.
    """
    folder = Path(tempfile.mkdtemp(prefix="kilowatch-"))
    folder.chmod(0o711)
    try:
        check_linux()
        yield folder
    except MissingComponentError as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_cluster() -> Iterator[Cluster]:
    """One Kafka broker with a second listener for TLS and a password; tests leave it running."""
    with needing_components() as folder, kafka.running(folder, kafka.Plan(secure=True)) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka_cluster: Cluster) -> str:
    """The address of one Kafka broker; tests make topics of their own and leave it running."""
    return kafka_cluster.bootstrap


@pytest.fixture
def kafka_topics(kafka_cluster: Cluster) -> Access:
    """Access to a broker on which the topics of kilowatch are there, with 4 partitions, and empty."""
    access = Access(kafka_cluster.bootstrap)
    make_topics_anew(access, partitions=4)
    return access


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[Mosquitto]:
    """A Mosquitto with password and TLS; a test that stops it starts it again."""
    with needing_components() as folder, broker.running(folder) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL; a test that stops it starts it again."""
    with needing_components() as folder, postgres.running(folder) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Postgres) -> str:
    """The address of one PostgreSQL database that the session's tests share."""
    return postgres_server.url


@pytest.fixture
def empty_database(postgres_server: Postgres, request: pytest.FixtureRequest) -> str:
    """The address of a PostgreSQL database of the test's own."""
    return postgres_server.create(f"test_{abs(hash(request.node.nodeid)):x}")


@pytest.fixture(scope="session")
def prometheus() -> Iterator[str]:
    """The address of a Prometheus that scrapes nothing yet."""
    with needing_components() as folder, monitoring.prometheus(folder) as url:
        yield url


@pytest.fixture(scope="session")
def alertmanager() -> Iterator[str]:
    """The address of an Alertmanager that tells nobody."""
    with needing_components() as folder, monitoring.alertmanager(folder) as url:
        yield url


@pytest.fixture(scope="session")
def home_assistant() -> Iterator[HomeAssistant]:
    """A Home Assistant with a switch and a sensor of its own; tests add what they need and leave it running."""
    with needing_components() as folder, homeassistant.running(folder / "homeassistant") as server:
        yield server


@pytest.fixture(scope="session")
def assistant(home_assistant: HomeAssistant) -> Iterator[AssistantApi]:
    """Home Assistant's own REST interface, with its owner's token."""
    api = AssistantApi(home_assistant)
    yield api
    api.close()
