"""`kilowatch topics`: the topics that join the services."""

from __future__ import annotations

import msgspec
import typer

from kilowatch.app.kafka_access import access_of
from kilowatch.cli.database import AsJson, ConfigFile
from kilowatch.config import load_config
from kilowatch.core.outputs_live import TopicsOutput
from kilowatch.links.kafka.admin import Admin

app = typer.Typer(name="topics", help="Create and check the topics on Kafka.", no_args_is_help=True)


@app.callback()
def topics() -> None:
    """Create and check the topics on Kafka."""


@app.command()
def create(config: ConfigFile = None) -> None:
    """Create the topics that are missing; a count of partitions that differs from the settings is refused."""
    kafka = load_config(config).config.kafka
    made = Admin(access_of(kafka)).create(kafka.partitions, kafka.replication)
    for topic in made:
        typer.echo(f"{topic} created")
    if not made:
        typer.echo("All topics are there.")


@app.command()
def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say where the topics differ from what was agreed; exit code 1 if they do."""
    kafka = load_config(config).config.kafka
    findings = Admin(access_of(kafka)).check(kafka.partitions)
    sentences = [finding.sentence for finding in findings]
    if as_json:
        typer.echo(msgspec.json.encode(TopicsOutput(differences=sentences)))
    else:
        typer.echo("\n".join(sentences) or "All topics are as agreed.")
    if findings:
        raise typer.Exit(1)
