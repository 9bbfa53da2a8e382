"""Which settings there are: paths through the structs, their types, and which of them are secret."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

import msgspec

from kilowatch.config.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator


def bare(annotation: Any) -> Any:
    """Return a type without its description."""
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def struct_fields(struct: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return a section's settings by name."""
    return {field.encode_name: field for field in msgspec.structs.fields(struct)}


def is_section(annotation: Any) -> bool:
    """Whether a setting is a section of its own."""
    inner = bare(annotation)
    return isinstance(inner, type) and issubclass(inner, msgspec.Struct)


def named_section(annotation: Any) -> type[msgspec.Struct] | None:
    """Return what stands under each name where a setting holds sections by name, else None."""
    inner = bare(annotation)
    if typing.get_origin(inner) is not dict:
        return None
    value = bare(typing.get_args(inner)[1])
    return value if is_section(value) else None


def is_names(annotation: Any) -> bool:
    """Whether a setting holds plain values by name."""
    return typing.get_origin(bare(annotation)) is dict and named_section(annotation) is None


def is_secret(annotation: Any) -> bool:
    """Whether a setting holds a secret."""
    return Secret in typing.get_args(bare(annotation))


def leaves(struct: msgspec.Struct, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield (path, type, value) of every setting."""
    for name, field in struct_fields(type(struct)).items():
        value = getattr(struct, name)
        if isinstance(value, msgspec.Struct):
            yield from leaves(value, (*path, name))
        elif named_section(field.type) is not None:
            for key, part in value.items():
                yield from leaves(part, (*path, name, key))
        else:
            yield (*path, name), field.type, value
