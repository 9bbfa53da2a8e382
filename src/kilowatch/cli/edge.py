"""`kilowatch edge`: kilowatch as a service of this machine, that starts at boot, updates and rolls back."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from kilowatch.cli.database import AsJson
from kilowatch.core.outputs_live import EdgeOutput
from kilowatch.errors import ConfigError
from kilowatch.install.installation import MEMORY_MB, Installation, Release
from kilowatch.install.places import SERVICE, Places
from kilowatch.install.steps import done

if TYPE_CHECKING:
    from kilowatch.install.steps import Step

app = typer.Typer(name="edge", no_args_is_help=True, help="kilowatch as a systemd service of this machine.")

Root = Annotated[Path, typer.Option("--root", help="Another root than this machine's: a mounted card, a test.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and do nothing.")]
Memory = Annotated[int, typer.Option("--memory-mb", min=128, help="The most memory it may take, MB.")]
From = Annotated[str, typer.Option("--from", help="A wheel, or what pip understands; default: this very version.")]
Extras = Annotated[str, typer.Option("--extras", help="Optional parts, with commas.")]
Name = Annotated[str, typer.Option("--name", help="What to call the version, where it does not tell itself.")]
Pip = Annotated[list[str] | None, typer.Option("--pip", help="An option for pip, such as --no-index; repeatable.")]

_THIS = Path("/")
_EXTRAS = "mqtt,web"
# Of a requirement (kilowatch==1.2) and of a wheel's file name (kilowatch-1.2-py3-...).
_VERSION = re.compile(r"(?:==|kilowatch-)(\d[A-Za-z0-9.+!]*)")
_KEEP = 3
"""Versions that stay installed."""


@app.command()
def install(
    source: From = "",
    extras: Extras = _EXTRAS,
    name: Name = "",
    pip: Pip = None,
    root: Root = _THIS,
    memory_mb: Memory = MEMORY_MB,
    dry_run: DryRun = False,
) -> None:
    """Install a service that starts at boot, its settings, its account and the command `kilowatch`."""
    installation = Installation(Places(root), memory_mb)
    is_new = not installation.places.config.exists()
    if _do(installation.install(release_of(source, extras, name, pip)), dry_run=dry_run):
        typer.echo(f"Installed version {installation.versions.current()}.")
        if is_new:
            typer.echo(f"Next: put your devices into {installation.places.config}, then")
            typer.echo(f"  kilowatch doctor && systemctl start {SERVICE}")


@app.command()
def update(
    source: From = "",
    extras: Extras = _EXTRAS,
    name: Name = "",
    pip: Pip = None,
    root: Root = _THIS,
    memory_mb: Memory = MEMORY_MB,
    dry_run: DryRun = False,
) -> None:
    """Install another version beside, back up, and switch to it; one that does not start is switched back."""
    installation = Installation(Places(root), memory_mb)
    if _do(installation.update(release_of(source, extras, name, pip)), dry_run=dry_run):
        installation.start()
        # After the start alone: until the new version runs, each old one is a way back.
        gone = installation.versions.tidy(_KEEP)
        typer.echo(f"Version {installation.versions.current()} runs; `kilowatch edge rollback` undoes it.")
        if gone:
            typer.echo(f"Removed: {', '.join(gone)}.")


@app.command()
def rollback(root: Root = _THIS, memory_mb: Memory = MEMORY_MB, dry_run: DryRun = False) -> None:
    """Run the version before again. A model is rolled back by `kilowatch models rollback`."""
    installation = Installation(Places(root), memory_mb)
    if _do(installation.rollback(), dry_run=dry_run):
        installation.start()
        typer.echo(f"Version {installation.versions.current()} runs again.")
        typer.echo(f"If it says that the data are newer: kilowatch restore --force, from {installation.places.backups}")


@app.command()
def uninstall(
    root: Root = _THIS,
    purge: Annotated[bool, typer.Option("--purge", help="Settings and all data too.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Stop it and take it away; settings and data stay."""
    installation = Installation(Places(root))
    if _do(installation.uninstall(purge=purge), dry_run=dry_run) and not purge:
        typer.echo(f"Kept: {installation.places.config.parent}, {installation.places.data}")


@app.command()
def status(root: Root = _THIS, as_json: AsJson = False) -> None:
    """Say which version runs, which one ran before, and what else is installed."""
    versions = Installation(Places(root)).versions
    current = versions.current()
    if as_json:
        output = EdgeOutput(runs=current, before=versions.previous(), installed=versions.installed())
        typer.echo(msgspec.json.encode(output))
    elif current is None:
        typer.echo("kilowatch is not installed here.")
    else:
        typer.echo(f"version   {current}")
        typer.echo(f"before    {versions.previous() or 'none'}")
        typer.echo(f"installed {', '.join(versions.installed())}")
        typer.echo(f"more      systemctl status {SERVICE}; journalctl --namespace={SERVICE}")
    if current is None:
        raise typer.Exit(1)


@app.command(hidden=True)
def files(root: Root = _THIS, memory_mb: Memory = MEMORY_MB) -> None:
    """Write the unit and the command as this version needs them; called by the one that updates to it."""
    done(Installation(Places(root), memory_mb).files())


def release_of(source: str, extras: str, name: str, pip: list[str] | None) -> Release:
    """Return what pip shall install, and under which name; `ConfigError` where nothing tells the name."""
    wanted = f"[{extras}]" if extras else ""
    if not source:
        source = f"kilowatch{wanted}=={version('kilowatch')}"
    elif source.endswith(".whl"):
        source = f"{Path(source).resolve()}{wanted}"
    told = _VERSION.search(source.rpartition("/")[2])
    if not name and told is None:
        raise ConfigError(f"{source} does not tell its version.", "Call it something: --name 2026-11")
    return Release(name or str(told and told[1]), source, tuple(pip or ()))


def _do(steps: list[Step], *, dry_run: bool) -> bool:
    for step in steps:
        typer.echo(("would " if dry_run else "") + step.says)
        if not dry_run:
            step.do()
    return not dry_run
