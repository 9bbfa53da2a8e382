"""The learning curve of a training run as a page that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.nets.checkpoint import EpochReport


def write_curve(history: list[EpochReport], path: Path, title: str) -> None:
    """Write loss and validation loss over epochs, and the validation accuracy of a classifier."""
    import plotly.graph_objects as go

    epochs = [report.epoch for report in history]
    figure = go.Figure()
    figure.add_scatter(x=epochs, y=[report.loss for report in history], name="training")
    figure.add_scatter(x=epochs, y=[report.validation_loss for report in history], name="validation")
    if history and history[0].validation_accuracy is not None:
        accuracy = [report.validation_accuracy for report in history]
        figure.add_scatter(x=epochs, y=accuracy, name="validation accuracy", yaxis="y2", line={"dash": "dot"})
        figure.update_layout(yaxis2={"title": "accuracy", "overlaying": "y", "side": "right", "range": [0, 1]})
    figure.update_layout(title=title, xaxis_title="epoch", yaxis_title="loss", template="plotly_white")
    figure.write_html(path, include_plotlyjs=True)
