"""The dotted names of all settings, read off the types."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec


def settings(type_: Any, *, sections: bool = False, prefix: str = "") -> Iterator[str]:
    """Dotted paths of all scalar settings; with `sections`, also of sections and of entries' members."""
    for field in msgspec.structs.fields(type_):
        inner = bare(field.type)
        path = f"{prefix}{field.name}"
        if is_struct(inner):
            if sections:
                yield path
            yield from settings(inner, sections=sections, prefix=f"{path}.")
        elif get_origin(inner) is dict:
            if sections:
                yield path
                entry = bare(get_args(inner)[1])
                if is_struct(entry):
                    yield from settings(entry, sections=True, prefix=f"{path}.NAME.")
        else:
            yield path


def bare(type_: Any) -> Any:
    """The type without its Annotated wrapping."""
    while hasattr(type_, "__metadata__"):
        type_ = type_.__origin__
    return type_


def is_struct(type_: Any) -> bool:
    """Whether the type is a section of the profile."""
    return isinstance(type_, type) and issubclass(type_, msgspec.Struct)
