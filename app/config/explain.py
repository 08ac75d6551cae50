"""Where a profile does not fit its types, and in which words to say so."""

import difflib
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec

from app.config.paths import bare, is_struct
from app.config.secret import Secret
from app.core.errors import ConfigError

_WORDS = {
    "`str`": "text", "`int`": "a whole number", "`float`": "a number", "`bool`": "true or false", "`array`": "a list",
    "`object`": "a mapping", "`null`": "nothing", "`int | float`": "a number", "`Secret | null`": "text",
    "`Secret`": "text",
}  # fmt: skip
_YAML_1_1 = "YAML reads no, off, yes and on as true or false: put the word in quotes."


def inside(value: Any, type_: Any, at: str) -> Iterator[tuple[Any, str, Any]]:
    """Key, path and type of each member that the type knows."""
    kind = bare(type_)
    if is_struct(kind) and isinstance(value, dict):
        for field in msgspec.structs.fields(kind):
            if field.name in value:
                yield field.name, _join(at, field.name), field.type
    elif get_origin(kind) is dict and isinstance(value, dict):
        for key in value:
            yield key, _join(at, str(key)), get_args(kind)[1]
    elif get_origin(kind) is tuple and isinstance(value, list):
        for number in range(len(value)):
            yield number, f"{at}[{number}]", get_args(kind)[0]


def is_secret(type_: Any) -> bool:
    """Whether the setting is a secret, perhaps absent."""
    kind = bare(type_)
    return kind is Secret or (get_origin(kind) is not dict and Secret in get_args(kind))


def fault(tree: Any, type_: Any, *, source: str) -> ConfigError:
    """The first mistake in a tree that does not convert: file, key, remedy."""
    at, value, kind, said = _innermost(tree, type_, "")
    where = f"{source}: {at or 'the profile'}"
    if is_struct(kind) and isinstance(value, dict):
        known = [field.name for field in msgspec.structs.fields(kind)]
        for key in value:
            if key not in known:
                return ConfigError(
                    f"{source}: {_join(at, str(key))}: unknown key.", remedy=nearest(str(key), known)
                )
        required = (field.name for field in msgspec.structs.fields(kind) if field.required)
        missing = next((name for name in required if name not in value), "")
        return ConfigError(f"{where}: {missing} is missing.", remedy=f"Add {_join(at, missing)}.")
    if get_origin(kind) is dict and isinstance(value, dict):
        name = next((key for key in value if not _fits(key, get_args(kind)[0])), "")
        return ConfigError(
            f"{where}: {name!r} cannot be a name here.",
            remedy="Use letters, digits, dot, hyphen and underscore, 64 at most; put numbers in quotes.",
        )
    wanted_another = "Invalid enum value" in said or (
        "`bool`" in said and not said.startswith("Expected `bool`")
    )
    remedy = "See `sallyport config reference` for this key."
    if isinstance(value, bool) and wanted_another:
        remedy = _YAML_1_1
    return ConfigError(f"{where}: {_in_words(said, kind, value)}.", remedy=remedy)


def nearest(name: str, known: list[str]) -> str:
    """A hint at the name that was meant."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else "See `sallyport config reference`."


def _innermost(value: Any, type_: Any, at: str) -> tuple[str, Any, Any, str]:
    for key, path, inner in inside(value, type_, at):
        if not _fits(value[key], inner):
            return _innermost(value[key], inner, path)
    return at, value, bare(type_), _said(value, type_)


def _fits(value: Any, type_: Any) -> bool:
    return not _said(value, type_)


def _said(value: Any, type_: Any) -> str:
    try:
        msgspec.convert(value, type_, strict=False, dec_hook=_unread)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _unread(type_: type, value: Any) -> Any:
    if type_ is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"Expected `{type_.__name__}`, got `{type(value).__name__}`")


def _in_words(said: str, kind: Any, value: Any) -> str:
    if choices := [choice for choice in get_args(kind) if isinstance(choice, str)]:
        return f"{value!r} is none of {', '.join(choices)}"
    for code, word in _WORDS.items():
        said = said.replace(code, word)
    said = said[:1].lower() + said[1:]
    return said.replace("expected ", "must be ", 1).replace(", got ", ", but is ")


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
