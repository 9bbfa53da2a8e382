"""Structs that travel or are printed, as sections of a page: a line for each field."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from collections import abc

import msgspec
from field_meanings import meaning_of
from generated import ROOT

from kilowatch.core import events, outputs_papers, shadow

GOLDEN = ROOT / "tests" / "core" / "golden"
_TITLES: dict[type, str] = {shadow.Evidence: "ShadowEvidence", outputs_papers.Phase: "PaperPhase"}
"""Of structs whose own name another one or an enumeration has."""
_WORDS: dict[typing.Any, str] = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    bytes: "string",
    type(None): "null",
    typing.Any: "anything",
}
_LISTS = (list, tuple, set, frozenset, abc.Sequence)
_OBJECTS = (dict, abc.Mapping)
_MARKS = ("schema", "version")
_SHOWN_WORDS = 12


class Field(typing.NamedTuple):
    """A field of a struct or of a dataclass, as it is encoded."""

    name: str
    annotation: typing.Any
    is_required: bool
    default: object


def title_of(kind: type) -> str:
    """Return the heading of a struct."""
    return _TITLES.get(kind, kind.__name__)


def section(struct: type, *, level: str = "###", is_output: bool = False) -> str:
    """Return a struct's section. is_output: its schema and version stand in a table of commands, not here."""
    lines = [f"{level} {title_of(struct)}", "", " ".join((inspect.getdoc(struct) or "").split()), ""]
    shown = [one for one in fields(struct) if not _is_shared(struct, one.name) and not (is_output and _is_mark(one))]
    if struct is not events.PersonalWord and issubclass(struct, events.PersonalWord):
        lines += ["Beside the fields of [every personal word](#personalword):", ""]
    lines += ["| field | type | | meaning |", "|---|---|---|---|", *_tag(struct), *[_row(struct, one) for one in shown]]
    golden = GOLDEN / f"{title_of(struct)}.json"
    if golden.exists():
        lines += ["", "```json", golden.read_text(encoding="utf-8").rstrip("\n"), "```"]
    return "\n".join([*lines, ""])


def fields(kind: type) -> list[Field]:
    """Return the fields of a struct or of a dataclass."""
    if issubclass(kind, msgspec.Struct):
        found = msgspec.structs.fields(kind)
        return [Field(one.encode_name, one.type, one.required, one.default) for one in found]
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"{kind.__name__} is neither a struct nor a dataclass.")
    hints = typing.get_type_hints(kind, include_extras=True)
    told = [(one, one.default is one.default_factory is dataclasses.MISSING) for one in dataclasses.fields(kind)]
    return [Field(one.name, hints[one.name], required, one.default) for one, required in told]


def within(kind: type) -> list[type]:
    """Return a struct and all that it holds, each before what it holds in turn."""
    found: list[type] = []
    waiting = [kind]
    while waiting:
        one = waiting.pop(0)
        if one not in found:
            found.append(one)
            waiting += [held for each in fields(one) for held in _held(each.annotation)]
    return found


def enums_of(kinds: typing.Iterable[type]) -> set[type[enum.Enum]]:
    """Return every enumeration that a field of theirs names."""
    annotations = (one.annotation for kind in kinds for one in fields(kind))
    return {leaf for each in annotations for leaf in _leaves(each) if _is_of(leaf, enum.Enum)}


def _held(annotation: typing.Any) -> list[type]:
    return [leaf for leaf in _leaves(annotation) if _is_record(leaf)]


def _leaves(annotation: typing.Any) -> typing.Iterator[typing.Any]:
    arguments = typing.get_args(annotation)
    if not arguments or typing.get_origin(annotation) is typing.Literal:
        yield annotation
    for argument in arguments:
        yield from _leaves(argument)


def _is_of(annotation: typing.Any, kind: type) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, kind)


def _is_record(annotation: typing.Any) -> bool:
    return _is_of(annotation, msgspec.Struct) or (isinstance(annotation, type) and dataclasses.is_dataclass(annotation))


def _is_mark(field: Field) -> bool:
    return field.name in _MARKS


def _tag(struct: type) -> list[str]:
    config = getattr(struct, "__struct_config__", None)
    if config is None or config.tag_field is None or struct is events.PersonalWord:
        return []
    return [f'| `{config.tag_field}` | "{config.tag}" | required | |']


def _is_shared(struct: type, name: str) -> bool:
    base = events.PersonalWord
    return struct is not base and issubclass(struct, base) and name in base.__struct_fields__


def _row(struct: type, field: Field) -> str:
    kind, meaning = _type(field.annotation)
    need = "required" if field.is_required else _default(field.default)
    told = "; ".join(filter(None, ("" if _is_told(field) else _elsewhere(struct, field), meaning)))
    return f"| `{field.name}` | {kind} | {need} | {told} |"


def _is_told(field: Field) -> bool:
    return any(isinstance(leaf, msgspec.Meta) and leaf.description for leaf in _leaves(field.annotation))


def _elsewhere(struct: type, field: Field) -> str:
    """Return a meaning that the struct does not give; it may be missing only where the type leads to it."""
    told = meaning_of(title_of(struct), field.name) or _of_words(field.annotation)
    if not told and not _held(field.annotation) and not _is_mark(field):
        raise ValueError(f"scripts/field_meanings.py does not say what {title_of(struct)}.{field.name} means.")
    return told


def _of_words(annotation: typing.Any) -> str:
    """Return a link to the words that a field may hold, empty where it holds none."""
    words = [leaf for leaf in _leaves(annotation) if _is_of(leaf, enum.Enum)]
    return "".join(f"[what each means](#{one.__name__.lower()})" for one in words)


def _default(default: object) -> str:
    is_nothing = default is None or default is False or default in ("", (), msgspec.NODEFAULT, dataclasses.MISSING)
    return "optional" if is_nothing else f"default {str(default).lower() if default is True else default}"


def _type(annotation: typing.Any) -> tuple[str, str]:
    """Return an annotation's type, and its meaning with its limits, in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        kind, meaning = _type(arguments[0])
        of_list = typing.get_origin(arguments[0]) is list
        limits = (word for meta in arguments[1:] for word in (meta.description, _limits(meta, of_list=of_list)))
        return kind, "; ".join(word for word in (meaning, *limits) if word)
    if origin in (typing.Union, types.UnionType):
        inner = [_type(argument) for argument in arguments]
        return " or ".join(kind for kind, _ in inner), "".join(meaning for _, meaning in inner)
    if origin is typing.Literal:
        return " or ".join(f'"{a}"' if isinstance(a, str) else str(a) for a in arguments), ""
    if origin in _OBJECTS:
        kind, meaning = _type(arguments[1])
        return f"object of {kind}", meaning
    if origin in _LISTS:
        return _list(arguments)
    return _plain(annotation), ""


def _list(arguments: tuple[typing.Any, ...]) -> tuple[str, str]:
    kind, meaning = _type(arguments[0])
    count = f"{len(arguments)} of " if len(arguments) > 1 and arguments[-1] is not Ellipsis else ""
    return f"list of {count}({kind})" if " or " in kind else f"list of {count}{kind}", meaning


def _plain(annotation: typing.Any) -> str:
    if _is_of(annotation, enum.Enum):
        name = annotation.__name__
        members = [f"`{member.value}`" for member in annotation]
        return " ".join(members) if len(members) <= _SHOWN_WORDS else f"[a word of {name}](#{name.lower()})"
    if _is_record(annotation):
        title = title_of(annotation)
        return f"[{title}](#{title.lower()})"
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
