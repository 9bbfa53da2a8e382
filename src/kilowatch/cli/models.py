"""`kilowatch models`: which models there are, whether they are whole, and which one serves where."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kilowatch.cli.database import ConfigFile
from kilowatch.cli.model_facts import facts
from kilowatch.cli.shadow import app as shadow_app
from kilowatch.config import load_config
from kilowatch.core.device import Kind
from kilowatch.core.outputs_models import ListedModel, ModelOutput, ModelsOutput, VerifiedModel, VerifyOutput
from kilowatch.errors import ConfigError, ModelError
from kilowatch.nets.artifact import read_artifact
from kilowatch.nets.card import Network
from kilowatch.nets.registry import ANY, ModelRegistry
from kilowatch.nets.shipped import names, path_of

if TYPE_CHECKING:
    from kilowatch.nets.artifact import Artifact
    from kilowatch.nets.registry import Index, Post

app = typer.Typer(help="Models by hash: list, show, verify, promote, roll back.", no_args_is_help=True)
app.add_typer(shadow_app, name="shadow")

Folder = Annotated[Path, typer.Option("--registry", help="Folder of models.", envvar="KILOWATCH_MODELS")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
DeviceKind = Annotated[str, typer.Option("--kind", help="For devices of this kind alone.")]
Which = Annotated[str, typer.Argument(help="A file, a shipped model, or the start of a hash.")]
DEFAULT_FOLDER = Path("models")


class Standing(StrEnum):
    """What a model does now."""

    LIVE = "live"
    SHADOW = "shadow"
    PAST = "past"


@app.command("list")
def list_(registry: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """List the models of a registry, and where each one serves."""
    models = ModelRegistry(registry)
    index = models.index()
    if as_json:
        rows = [ListedModel(serves=_places(index, each), model=facts(models.read(each))) for each in models.hashes()]
        typer.echo(msgspec.json.encode(ModelsOutput(models=rows)))
        return
    table = Table("model", "network", "window", "grid", "trained", "validation loss", "serves", title=str(registry))
    table.caption = f"Shipped: {', '.join(names())}"
    for digest in models.hashes():
        card = models.read(digest).card
        loss = f"{card.metrics.validation_loss:.4g}"
        cells = (digest[:12], f"{card.kind} {card.precision}", str(card.window), f"{card.interval_s:g} s")
        table.add_row(*cells, card.created, loss, ", ".join(_places(index, digest)))
    Console().print(table)


@app.command()
def show(model: Which, registry: Folder = DEFAULT_FOLDER, as_json: AsJson = False) -> None:
    """Show a model's card: what it is, what it was trained on, and how well that went."""
    artifact = _open(model, registry)
    if as_json:
        typer.echo(msgspec.json.encode(ModelOutput(model=facts(artifact))))
        return
    table = Table(box=None, show_header=False)
    for name, value in msgspec.to_builtins(facts(artifact)).items():
        table.add_row(name, value if isinstance(value, str) else msgspec.json.encode(value).decode())
    Console().print(table)


@app.command()
def verify(
    models: Annotated[
        list[str] | None, typer.Argument(help="Files, shipped models or hashes; all of the registry without.")
    ] = None,
    registry: Folder = DEFAULT_FOLDER,
    sha256: Annotated[str | None, typer.Option(help="The hash that a single file must have.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that models are whole, of their hash, and run: each scores one window. Exit code 1 where one is not."""
    wanted = models or ModelRegistry(registry).hashes()
    if not wanted:
        raise ConfigError(f"There are no models in {registry}.", "Name a file, or a folder with --registry.")
    verified = [_verified(name, registry, sha256) for name in wanted]
    if as_json:
        typer.echo(msgspec.json.encode(VerifyOutput(models=verified)))
    else:
        _show_verified(verified)
    if not all(one.whole for one in verified):
        raise typer.Exit(1)


@app.command()
def promote(
    model: Which,
    registry: Folder = DEFAULT_FOLDER,
    kind: DeviceKind = ANY,
    shadow: Annotated[bool, typer.Option("--shadow", help="Let it score beside the live one, unheard.")] = False,
) -> None:
    """Make a model live; a file is taken into the registry first."""
    models = ModelRegistry(registry)
    path = _file(model)
    digest = models.find(model) if path is None else models.add(path.read_bytes()).sha256
    _say(models.promote(digest, kind, shadow=shadow))


@app.command()
def rollback(
    network: Annotated[Network, typer.Argument(help="Which network.")],
    registry: Folder = DEFAULT_FOLDER,
    kind: DeviceKind = ANY,
) -> None:
    """Make the model live again that was live before."""
    _say(ModelRegistry(registry).rollback(network, kind))


def _file(model: str) -> Path | None:
    """Return the file that is meant, or that ships under that name; None for the start of a hash."""
    return path_of(model) if model in names() else Path(model) if Path(model).is_file() else None


@app.command()
def deliver(
    kind: Annotated[Kind, typer.Argument(help="Devices of this kind.")],
    model: Annotated[str, typer.Option("--live", help="Start of the hash that judges them; empty: none.")] = "",
    shadow: Annotated[str, typer.Option(help="Start of the hash that scores beside it, unheard.")] = "",
    registry: Folder = DEFAULT_FOLDER,
    config: ConfigFile = None,
) -> None:
    """Tell the judges of a live system which models judge a kind; they verify, warm and switch by themselves."""
    from kilowatch.cli.database import registry_of
    from kilowatch.nets.check import try_model

    models = ModelRegistry(registry)
    live, beside = (models.find(start) if start else None for start in (model, shadow))
    for digest in filter(None, (live, beside)):
        # Tried here, so that a model that does not run is told to no judge.
        try_model(models.read(digest))
    with registry_of(load_config(config).config) as known:
        choice = known.choose_model(kind, live, beside)
    Console(soft_wrap=True).print(f"{kind}: live [bold]{(live or 'none')[:12]}[/], choice number {choice.version}.")


def _verified(name: str, folder: Path, sha256: str | None) -> VerifiedModel:
    from kilowatch.nets.check import try_model

    try:
        artifact = _open(name, folder, sha256)
        try_model(artifact)
    except ModelError as error:
        return VerifiedModel(name=name, whole=False, why=f"{error} {error.hint}")
    return VerifiedModel(name=name, whole=True, sha256=artifact.sha256, network=artifact.card.kind)


def _show_verified(verified: list[VerifiedModel]) -> None:
    console = Console(soft_wrap=True)
    for one in verified:
        if one.whole:
            console.print(f"[green]whole[/] {(one.sha256 or '')[:12]} {one.network}")
        else:
            console.print(f"[red]wrong[/] {escape(one.name)}: {escape(one.why)}")


def _open(model: str, folder: Path, sha256: str | None = None) -> Artifact:
    path = _file(model)
    if path is not None:
        return read_artifact(path, sha256)
    registry = ModelRegistry(folder)
    return registry.read(registry.find(model))


def _say(post: Post) -> None:
    past = f", {len(post.past)} before it" if post.past else ""
    shadow = f", in shadow {post.shadow[:12]}" if post.shadow else ""
    live = post.live[:12] if post.live else "none"
    Console(soft_wrap=True).print(f"{post.network} for {post.device_kind}: live [bold]{live}[/]{shadow}{past}.")


def _places(index: Index, digest: str) -> list[str]:
    found = []
    for post in index.posts:
        standings = {Standing.LIVE: digest == post.live, Standing.SHADOW: digest == post.shadow}
        standings[Standing.PAST] = digest in post.past
        found += [f"{standing}: {post.device_kind}" for standing, is_so in standings.items() if is_so]
    return found
