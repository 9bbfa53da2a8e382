"""What each command prints with `--json`: its schema, and the struct that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from struct_tables import section, title_of, within

from kilowatch.cli.config import ConfigOutput
from kilowatch.cli.data import DataReport
from kilowatch.cli.detectors import DetectorsOutput
from kilowatch.cli.inject import InjectOutput
from kilowatch.cli.rejected import RedriveOutput, RejectedOutput
from kilowatch.core import outputs, outputs_evaluate, outputs_live, outputs_models, outputs_papers, records, shadow

if TYPE_CHECKING:
    from collections.abc import Collection

    import msgspec

Printed = tuple[tuple[str, type["msgspec.Struct"]], ...]


def _named(*structs: type[msgspec.Struct]) -> Printed:
    return tuple((str(one.__struct_defaults__[0]), one) for one in structs)


_BENCH = _named(outputs.BenchOutput)
_CONFIG = _named(ConfigOutput)
_DEVICES = _named(records.DevicesOutput)
_INCIDENTS = _named(outputs_live.IncidentsOutput)
_REPLAY = _named(outputs.ReplayOutput)
_TRAIN = _named(outputs_models.TrainOutput)

OUTPUTS: dict[str, Printed] = {
    "audit show": _named(outputs_live.AuditOutput),
    "bench core": _BENCH,
    "bench edge": _BENCH,
    "bench edge-run": _BENCH,
    "bench pipeline": _BENCH,
    "bench train": _BENCH,
    "bench web": _BENCH,
    "config check": _CONFIG,
    "config show": _CONFIG,
    "data check": (("kilowatch.data.check/1", DataReport),),
    "data describe": (("kilowatch.data.describe/1", DataReport),),
    "data list": (("kilowatch.data.list/1", DataReport),),
    "demo": _named(outputs_live.DemoOutput, outputs.ReplayOutput),
    "demo faults": _named(outputs_live.DemoFaultsOutput),
    "detectors": _named(DetectorsOutput),
    "device list": _DEVICES,
    "device show": _DEVICES,
    "discover": _named(outputs_live.DiscoverOutput),
    "doctor": _named(outputs_live.DoctorOutput),
    "edge status": _named(outputs_live.EdgeOutput),
    "evaluate": _named(
        outputs_evaluate.EvaluateOutput,
        outputs_evaluate.AccuracyOutput,
        outputs_papers.PaperEdgeOutput,
        outputs_papers.PaperCloudOutput,
    ),
    "import": _REPLAY,
    "incident list": _INCIDENTS,
    "incident show": _INCIDENTS,
    "inject": _named(InjectOutput),
    "models list": _named(outputs_models.ModelsOutput),
    "models shadow list": _named(shadow.CandidatesOutput),
    "models shadow show": _named(shadow.ShadowOutput),
    "models show": _named(outputs_models.ModelOutput),
    "models verify": _named(outputs_models.VerifyOutput),
    "notify status": _named(outputs_live.NotifyOutput),
    "rehearse": _named(outputs.RehearseOutput),
    "rejected list": _named(RejectedOutput),
    "rejected redrive": _named(RedriveOutput),
    "rejected show": _named(RejectedOutput),
    "replay": _REPLAY,
    "search": _TRAIN,
    "topics check": _named(outputs_live.TopicsOutput),
    "train": _TRAIN,
}
"""By command. `demo` prints the second with `--replay`; `evaluate` one for each kind of suite."""

_NOTE = """Each object begins with `schema`, as in this table, and `version`, 1 everywhere; `data` has its version
at the end of the schema. A later kilowatch may add fields. `kilowatch demo --replay` prints a `kilowatch.replay`,
`kilowatch evaluate` one of four: of a suite, of `accuracy`, of `paper-edge` or of `paper-cloud`.
A command that fails prints no object: look at its
[exit code](errors.md).
"""


def structs() -> list[type[msgspec.Struct]]:
    """Return every struct that a command prints, once each."""
    return list(dict.fromkeys(struct for printed in OUTPUTS.values() for _, struct in printed))


def command_sections(before: Collection[type]) -> str:
    """Return the table of commands, and a section for each struct that stands in none `before` it."""
    rows = [f"| `{command}` | {_cell(told)} |" for command, told in OUTPUTS.items()]
    printed = structs()
    held = list(dict.fromkeys(one for struct in printed for one in within(struct) if one not in before))
    return "\n".join(
        [
            _NOTE,
            "| command | prints |",
            "|---|---|",
            *rows,
            "",
            *[section(one, is_output=one in printed) for one in held],
        ]
    )


def _cell(printed: Printed) -> str:
    return ", ".join(f"`{schema}`: [{title_of(one)}](#{title_of(one).lower()})" for schema, one in printed)
