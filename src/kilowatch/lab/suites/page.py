"""A finished suite as one HTML file: the table, and what it rests on as pictures to zoom into."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.lab.report.style import STYLE
from kilowatch.lab.suites.findings import RECALLS
from kilowatch.lab.suites.table import cells_of, columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import plotly.graph_objects as go

    from kilowatch.core.outputs_evaluate import EvaluateOutput
    from kilowatch.lab.suites.evaluate import Evaluation
    from kilowatch.lab.suites.findings import Findings


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the page to path."""
    from plotly.io import to_html
    from plotly.offline import get_plotlyjs

    output = evaluation.output
    config = {"displaylogo": False, "responsive": True}
    plots = [
        f"<section><h2>{escape(title)}</h2>"
        f"{to_html(figure, include_plotlyjs=False, full_html=False, config=config)}</section>"
        for title, figure in _figures(evaluation)
    ]
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        f"<title>kilowatch evaluate {escape(output.suite)}</title><style>{STYLE}</style>",
        # Once, and in the page: it must open without a network.
        f"<script>{get_plotlyjs()}</script></head><body><main>",
        _head(output),
        _table(output),
        *plots,
        "</main></body></html>",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")


def _head(output: EvaluateOutput) -> str:
    facts = [
        f"{output.devices} devices",
        f"base rate {output.base_rate}",
        f"seeds {list(output.seeds)}",
        output.machine,
    ]
    quick = "<p class='note'>A quick run on a small part: the figures are not comparable.</p>" if output.quick else ""
    told = "".join(f"<p class='note'>{escape(line)}</p>" for line in (*output.protocol, *output.notes))
    title = f"<h1>kilowatch evaluate {escape(output.suite)}</h1>"
    return f"<header>{title}<p>{escape('; '.join(facts))}</p>{quick}{told}</header>"


def _table(output: EvaluateOutput) -> str:
    columns = columns_of(output)
    head = "".join(f"<th>{escape(column.title)}</th>" for column in columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells_of(row, columns))}</tr>" for row in output.rows
    )
    return f"<nav><table><tr><th>detector</th>{head}</tr>{rows}</table></nav>"


def _figures(evaluation: Evaluation) -> list[tuple[str, go.Figure]]:
    figures = []
    if any(one.rankings for of in evaluation.findings.values() for one in of):
        figures.append(("Precision and recall of single samples, mean over series", _precision_recall(evaluation)))
    if any(row.curve for row in evaluation.output.rows):
        figures.append(("Recall against false alarms per device-week", _recall_alarms(evaluation.output)))
        figures.append(("Delay of the events found, minutes", _delays(evaluation)))
    return figures


def _precision_recall(evaluation: Evaluation) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, of in evaluation.findings.items():
        precision = np.mean([ranking.precision for one in of for ranking in one.rankings], axis=0)
        figure.add_trace(go.Scatter(x=RECALLS, y=np.round(precision, 4), mode="lines", name=name))
    return _styled(figure, "recall", "precision")


def _recall_alarms(output: EvaluateOutput) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    for row in output.rows:
        points = sorted(row.curve, key=lambda point: point.requested_per_device_week)
        figure.add_trace(
            go.Scatter(
                x=[point.false_alarms_per_device_week for point in points],
                y=[point.event_recall for point in points],
                text=[f"{point.requested_per_device_week:g} asked for" for point in points],
                mode="lines+markers",
                name=row.detector,
            )
        )
    return _styled(figure, "false alarms per device-week", "event recall")


def _delays(evaluation: Evaluation) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    for row in evaluation.output.rows:
        delays = _found_delays(evaluation.findings.get(row.detector, ()), row.requested_per_device_week)
        figure.add_trace(go.Box(y=np.round(delays / 60, 2), name=row.detector, boxpoints="outliers"))
    return _styled(figure, "", "minutes")


def _found_delays(findings: Sequence[Findings], rate: float | None) -> Any:
    delays = [one.at[rate].found.delay_s for one in findings if rate is not None]
    every = np.concatenate([np.zeros(0), *delays])
    return every[np.isfinite(every)]


def _styled(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_layout(
        height=420,
        margin={"l": 64, "r": 16, "t": 12, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#7a7f87", "size": 12},
    )
    axis = {"gridcolor": "rgba(128,128,128,0.18)", "zeroline": False, "rangemode": "tozero"}
    figure.update_xaxes(title_text=x, **axis)
    figure.update_yaxes(title_text=y, **axis)
    return figure
