"""Write the Grafana dashboards under deploy/grafana from code; `--check` only compares."""

from __future__ import annotations

import json
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

from dashboards.device import DEVICE
from dashboards.fleet import FLEET
from dashboards.home import HOME
from dashboards.pipeline import PIPELINE
from generated import ROOT, keep
from grafana_foundation_sdk.builders import bargauge, common, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import VizOrientation
from grafana_foundation_sdk.models.dashboard import DataSourceRef, GridPos, VariableRefresh, VariableSort

if TYPE_CHECKING:
    from dashboards.looks import Board, Look

FOLDER = ROOT / "deploy" / "grafana"
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24
BOARDS = (HOME, FLEET, DEVICE, PIPELINE)
SHAPES = {"line": timeseries.Panel, "now": stat.Panel, "bars": bargauge.Panel}


def panel(what: Look, number: int, at: tuple[int, int]) -> Any:
    """Return a panel's builder, placed."""
    made = SHAPES[what.shape]().title(what.title).description(what.about).unit(what.unit).id(number)
    made = made.datasource(SOURCE).grid_pos(GridPos(h=what.tall, w=what.wide, x=at[0], y=at[1]))
    if what.shape != "line":
        made = made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if what.shape == "bars":
        made = made.orientation(VizOrientation.HORIZONTAL)
    for letter, (query, legend) in zip("ABCD", what.queries, strict=False):
        target = Dataquery().expr(query).legend_format(legend or "__auto").ref_id(letter).datasource(SOURCE)
        made = made.with_target(target.range() if what.shape == "line" else target.instant())
    return made


def dashboard(board: Board) -> str:
    """Return a dashboard as JSON."""
    made = boards.Dashboard(board.title).uid(board.uid).description(board.about).tags(["kilowatch"])
    made = made.time(board.since, "now").refresh("30s").timezone("browser").readonly()
    made = made.with_variable(boards.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for name, label, query in board.variables:
        variable = boards.QueryVariable(name).label(label).query(query).datasource(SOURCE).multi(multi=True)
        variable = variable.include_all(include_all=True).all_value(".*").sort(VariableSort.ALPHABETICAL_ASC)
        made = made.with_variable(variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED))
    place(made, board)
    return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def place(made: Any, board: Board) -> None:
    """Put rows and panels below each other, panels from left to right."""
    numbers, y = count(1), 0
    for heading, looks in board.rows:
        made.with_row(boards.Row(heading).id(next(numbers)).grid_pos(GridPos(h=1, w=WIDTH, x=0, y=y)))
        x, y, tall = 0, y + 1, 0
        for what in looks:
            if x + what.wide > WIDTH:
                x, y, tall = 0, y + tall, 0
            made.with_panel(panel(what, next(numbers), (x, y)))
            x, tall = x + what.wide, max(tall, what.tall)
        y += tall


def main() -> int:
    """Write the dashboards, or with --check return 1 where one is stale."""
    return keep({FOLDER / f"{board.uid.removeprefix('kilowatch-')}.json": dashboard(board) for board in BOARDS})


if __name__ == "__main__":
    sys.exit(main())
