"""Apache Kafka's jars, from Maven Central, fetched once into the cache."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from supervisor.places import MissingComponentError, cache, program

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kilowatch</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version></dependency>
    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{logger}</version></dependency>
  </dependencies>
</project>
"""


@dataclass(frozen=True, slots=True)
class Release:
    """A release of Kafka, and the binding that its own version of slf4j can load."""

    version: str
    group: str
    artifact: str
    logger: str


KAFKA_4 = Release("4.4.0", "org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3")
KAFKA_3 = Release("3.9.1", "org.slf4j", "slf4j-reload4j", "1.7.36")
"""The last line that still runs with ZooKeeper, which it brings along."""


def class_path(release: Release) -> str:
    """Return the class path of a release; Java itself expands its star."""
    program("java", "openjdk-17-jre-headless")
    home = cache() / f"kafka-{release.version}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"kafka-{release.version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            _fetch(release, home)
    return f"{home}/*"


def _fetch(release: Release, home: Path) -> None:
    maven = program("mvn", "maven")
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        pom, libs = Path(folder) / "pom.xml", Path(folder) / "libs"
        pom.write_text(
            _POM.format(version=release.version, group=release.group, artifact=release.artifact, logger=release.logger)
        )
        command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={libs}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode:
            raise MissingComponentError(f"Kafka {release.version} could not be fetched: {done.stdout[-1000:]}")
        shutil.move(libs, home)
