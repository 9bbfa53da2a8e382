"""Write docs/contracts.md from the structs that travel and the golden messages; `--check` only compares."""

from __future__ import annotations

import enum
import sys
import types
import typing

import msgspec
from generated import ROOT, keep

from kilowatch.core import events, outputs
from kilowatch.core.device import DeviceRecord

PAGE = ROOT / "docs" / "contracts.md"
GOLDEN = ROOT / "tests" / "core" / "golden"

INTRO = """# Contracts

What travels between the parts of kilowatch, and what `--json` prints. This page is generated from the structs in
`kilowatch.core.events` and `kilowatch.core.outputs` by `python scripts/make_contracts.py`; the examples are golden
files that the tests pin byte for byte.

- Messages are JSON in UTF-8. Times are integers, ms since 1970 in UTC. Powers are in W, energies in Wh.
- Types and required fields are strict. Unknown fields are ignored, and counted where readings come in.
- `v` is the major version of a message. A higher one is rejected, kept with that reason, and can be sent again.
- Optional fields are left out where they say nothing. Where a required number is not known it is null.
"""

SECTIONS: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "Readings": (events.Reading, events.ReadingColumns, events.Rejected),
    "Control": (
        events.Tick,
        events.PersonalWord,
        events.Label,
        events.Undo,
        events.Acknowledge,
        events.Mute,
        events.Rearm,
        events.RecordChanged,
        events.Learnt,
    ),
    "Incidents": (events.IncidentEvent, events.Evidence),
    "Switching": (events.Intent, events.ActionEvent),
    "Devices": (DeviceRecord,),
    "Command output": (outputs.ReplayOutput, outputs.BenchOutput, outputs.BenchRow),
}

_WORDS = {int: "integer", float: "number", str: "string", bool: "boolean", bytes: "string", type(None): "null"}


def render() -> str:
    """Return the whole page."""
    parts = [INTRO]
    for title, structs in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [_struct(struct) for struct in structs]
    return "\n".join(parts)


def _struct(struct: type[msgspec.Struct]) -> str:
    lines = [f"### {struct.__name__}", "", (struct.__doc__ or "").splitlines()[0], ""]
    rows = _tag(struct) + [_field(field) for field in msgspec.structs.fields(struct) if not _is_shared(struct, field)]
    if struct is not events.PersonalWord and issubclass(struct, events.PersonalWord):
        lines += ["Beside the fields of [every personal word](#personalword):", ""]
    lines += ["| field | type | | meaning |", "|---|---|---|---|", *rows]
    golden = GOLDEN / f"{struct.__name__}.json"
    if golden.exists():
        lines += ["", "```json", golden.read_text(encoding="utf-8").rstrip("\n"), "```"]
    return "\n".join([*lines, ""])


def _tag(struct: type[msgspec.Struct]) -> list[str]:
    config = struct.__struct_config__
    if config.tag_field is None or struct is events.PersonalWord:
        return []
    return [f'| `{config.tag_field}` | "{config.tag}" | required | |']


def _is_shared(struct: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> bool:
    base = events.PersonalWord
    return struct is not base and issubclass(struct, base) and field.name in base.__struct_fields__


def _field(field: msgspec.structs.FieldInfo) -> str:
    kind, meaning = _type(field.type)
    need = "required" if field.required else _default(field.default)
    return f"| `{field.encode_name}` | {kind} | {need} | {meaning} |"


def _default(default: object) -> str:
    if default is None or default is False or default == "":
        return "optional"
    return f"default {default}"


def _type(annotation: typing.Any) -> tuple[str, str]:
    """Return an annotation's type, and its meaning with its limits, in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        kind, meaning = _type(arguments[0])
        of_list = typing.get_origin(arguments[0]) is list
        limits = (word for meta in arguments[1:] for word in (meta.description, _limits(meta, of_list=of_list)))
        words = [meaning, *limits]
        return kind, "; ".join(word for word in words if word)
    if origin in (typing.Union, types.UnionType):
        inner = [_type(argument) for argument in arguments]
        return " or ".join(kind for kind, _ in inner), "".join(meaning for _, meaning in inner)
    if origin is typing.Literal:
        return " or ".join(f'"{a}"' if isinstance(a, str) else str(a) for a in arguments), ""
    if origin in (list, tuple):
        kind, meaning = _type(arguments[0])
        return f"list of ({kind})" if " or " in kind else f"list of {kind}", meaning
    return _plain(annotation), ""


def _plain(annotation: typing.Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        members = [f"`{member.value}`" for member in annotation]
        return " ".join(members)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _WORDS[annotation]


def _limits(meta: msgspec.Meta, *, of_list: bool) -> str:
    if meta.max_length is not None:
        span = f"{meta.min_length or 0} to {meta.max_length:,}"
        return f"{span} rows" if of_list else f"length {span}"
    if meta.ge is not None and meta.le is not None:
        return f"{_number(meta.ge)} to {_number(meta.le)}"
    return "" if meta.ge is None else f"at least {_number(meta.ge)}"


def _number(limit: float) -> str:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:,.0f}"


def main() -> int:
    """Write the page, or with --check return 1 where it is stale."""
    return keep({PAGE: render()})


if __name__ == "__main__":
    sys.exit(main())
