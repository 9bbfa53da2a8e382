"""`kilowatch edge` below a root of its own: what is written, switched, rolled back and left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from cli.homes import called
from kilowatch.cli.edge import release_of
from kilowatch.errors import ComponentError, ConfigError
from kilowatch.install.installation import Installation, Release
from kilowatch.install.places import Places
from kilowatch.install.steps import Link, Write, done
from kilowatch.install.versions import Versions

_ANSWERS = """
import sys
from pathlib import Path
def main():
    words = sys.argv[1:]
    if words[:2] == ["config", "check"]:
        sys.exit({check})
    if words[0] == "backup":
        Path(words[1]).write_text("backup by {version}")
    if words[:2] == ["edge", "files"]:
        root = Path(words[words.index("--root") + 1])
        (root / "etc/systemd/system/kilowatch.service").write_text("unit of {version}")
"""


def wheel(folder: Path, version: str, check: int = 0) -> Path:
    """Make a package that answers as kilowatch would, so that pip has no network to ask."""
    path = folder / f"kilowatch-{version}-py3-none-any.whl"
    info = f"kilowatch-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("stand_in.py", _ANSWERS.format(version=version, check=check))
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: kilowatch\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\nkilowatch = stand_in:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def release(folder: Path, version: str, check: int = 0) -> Release:
    return release_of(str(wheel(folder, version, check)), "", "", ["--no-index", "--no-deps"])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root on which version 1.0 was installed, for each test to copy."""
    folder = tmp_path_factory.mktemp("first")
    done(Installation(Places(folder / "root"), 512).install(release(folder, "1.0")))
    return folder / "root"


@pytest.fixture
def installed(first: Path, tmp_path: Path) -> Installation:
    root = tmp_path / "root"
    shutil.copytree(first, root, symlinks=True)
    installation = Installation(Places(root), 512)
    # The one file of an environment that runs and names its own place: it must not start the original's Python.
    program = installation.versions.folder / "1.0" / "bin" / "kilowatch"
    program.write_text(program.read_text().replace(str(first), str(root)))
    return installation


def test_install_update_rollback_and_uninstall(installed: Installation, tmp_path: Path) -> None:
    places, versions = installed.places, installed.versions
    assert versions.current() == "1.0"
    assert places.secrets.stat().st_mode & 0o777 == 0o600
    assert "WatchdogSec=" in places.unit.read_text()
    assert places.wanted.resolve() == places.unit
    places.config.write_text("[site]\nname = 'mine'\n")
    (places.data / "kilowatch.db").write_text("all that was learnt")

    done(installed.update(release(tmp_path, "1.1")))
    assert (versions.current(), versions.previous()) == ("1.1", "1.0")
    assert places.unit.read_text() == "unit of 1.1"
    assert (places.backups / "before-1.1.tar.gz").read_text() == "backup by 1.0"

    done(installed.rollback())
    assert (versions.current(), versions.previous()) == ("1.0", "1.1")
    assert places.unit.read_text() == "unit of 1.0"

    done(installed.uninstall())
    assert not places.unit.exists()
    assert not places.program.exists()
    assert places.config.read_text() == "[site]\nname = 'mine'\n"
    assert (places.data / "kilowatch.db").read_text() == "all that was learnt"
    done(installed.uninstall(purge=True))
    assert not places.data.exists()


def test_a_version_that_refuses_the_settings_never_runs(installed: Installation, tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="config check"):
        done(installed.update(release(tmp_path, "2.0", check=2)))
    assert installed.versions.current() == "1.0"
    assert installed.versions.previous() is None


def test_an_update_without_a_backup_says_so(installed: Installation, tmp_path: Path) -> None:
    told = [step.says for step in installed.update(release(tmp_path, "1.1"))]
    assert any("make no backup" in says and str(installed.places.data) in says for says in told)
    (installed.places.data / "kilowatch.db").write_text("all that was learnt")
    assert not any("no backup" in step.says for step in installed.update(release(tmp_path, "1.1")))


def test_a_wheel_that_cannot_be_installed_changes_nothing(installed: Installation, tmp_path: Path) -> None:
    broken = tmp_path / "kilowatch-3.0-py3-none-any.whl"
    broken.write_text("no wheel")
    with pytest.raises(ComponentError, match="pip"):
        done(installed.update(release_of(str(broken), "", "", ["--no-index"])))
    assert installed.versions.current() == "1.0"
    assert installed.versions.installed() == ["1.0"]


def test_half_an_installation_is_made_anew(installed: Installation, tmp_path: Path) -> None:
    half = installed.versions.folder / "1.1"
    half.mkdir()
    (half / "left by a power cut").touch()
    with pytest.raises(ConfigError, match=r"no version 1\.1"):
        installed.versions.switch("1.1")
    done(installed.update(release(tmp_path, "1.1")))
    assert installed.versions.current() == "1.1"
    assert not (half / "left by a power cut").exists()


def test_nothing_to_go_back_to_is_said(installed: Installation) -> None:
    with pytest.raises(ComponentError, match="no version before"):
        installed.rollback()


def test_a_dry_run_tells_every_step_and_writes_nothing(tmp_path: Path) -> None:
    steps = Installation(Places(tmp_path / "root")).install(Release("1.0", "kilowatch==1.0"))
    told = "\n".join(step.says for step in steps)
    assert "kilowatch.service" in told
    assert "kilowatch==1.0" in told
    assert not (tmp_path / "root").exists()


def test_old_versions_go_but_never_those_that_links_name(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    for age, name in enumerate(["1", "2", "3", "4", "5"]):
        Write(versions.folder / name / "installed", "").do()
        os.utime(versions.folder / name / "installed", (age, age))
    versions.switch("1")
    versions.switch("2")
    assert versions.tidy(keep=2) == ["3"]
    assert versions.installed() == ["1", "2", "4", "5"]


@pytest.mark.parametrize(
    ("source", "name"),
    [("dist/kilowatch-0.2.0-py3-none-any.whl", "0.2.0"), ("kilowatch[mqtt]==0.3.1", "0.3.1"), ("", None)],
)
def test_a_release_tells_its_name(source: str, name: str | None) -> None:
    found = release_of(source, "mqtt", "", None)
    assert found.name == name or name is None
    assert "[mqtt]" in found.source


def test_what_does_not_tell_its_version_must_be_named() -> None:
    with pytest.raises(ConfigError, match="version"):
        release_of("git+https://example.org/kilowatch", "", "", None)


def test_a_link_is_switched_in_one_move(tmp_path: Path) -> None:
    Link(tmp_path / "current", "versions/1").do()
    Link(tmp_path / "current", "versions/2").do()
    assert (tmp_path / "current").readlink() == Path("versions/2")
    assert [path.name for path in tmp_path.iterdir()] == ["current"]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing: apt-get install systemd"
)
def test_systemd_understands_the_unit_and_calls_it_well_locked(installed: Installation) -> None:
    root = installed.places.root
    shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
    asked = ["systemd-analyze", "verify", f"--root={root}", "--man=no", "kilowatch.service"]
    verified = subprocess.run(asked, capture_output=True, text=True, check=False)
    ours = [line for line in verified.stderr.splitlines() if "kilowatch.service" in line]
    assert ours == []
    words = ["systemd-analyze", "security", "--offline=true", f"--root={root}", "--threshold=20", "kilowatch.service"]
    judged = subprocess.run(words, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-500:]


def test_what_is_installed_is_told_to_programs(tmp_path: Path) -> None:
    nothing = called("edge", "status", "--root", tmp_path, "--json")
    assert (nothing.code, nothing.json["runs"]) == (1, None)
    versions = Installation(Places(tmp_path)).versions
    for name in ("1.0", "1.1"):
        done([Write(versions.folder / name / "installed", "from a wheel\n")])
        versions.switch(name)
    said = called("edge", "status", "--root", tmp_path, "--json")
    assert (said.code, said.json["schema"]) == (0, "kilowatch.edge")
    assert (said.json["runs"], said.json["before"], said.json["installed"]) == ("1.1", "1.0", ["1.0", "1.1"])
