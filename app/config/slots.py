"""Where a tool server gets a secret: an environment variable, a file descriptor, or a header of each request."""

import re
from typing import Literal

import msgspec

from app.core.errors import ConfigError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)
_OURS = frozenset(
    {"accept", "connection", "content-length", "content-type", "host", "mcp-session-id", "transfer-encoding"}
)
_SET_BY_US = frozenset({"PATH", "HOME", "LANG"})


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is the variable or the header; `template` has one `{}` for the value."""

    kind: Literal["environment", "descriptor", "header"]
    name: str
    template: str = "{}"


def parse_slot(key: str, *, remote: bool, where: str) -> Slot:
    """`NAME` or `fd:NAME` for a program, `Header` or `Header: text {} text` for a remote server; else ConfigError."""
    if remote:
        name, colon, template = (part.strip() for part in key.partition(":"))
        template = template if colon else "{}"
        if _HEADER.fullmatch(name) and name.lower() not in _OURS and _single(template):
            return Slot(kind="header", name=name.lower(), template=template)
        remedy = "Write a header's name, or `Authorization: Bearer {}` with {} where the secret goes."
    else:
        kind, _, name = key.rpartition(":")
        if kind in ("", "fd") and _VARIABLE.fullmatch(name) and name not in _SET_BY_US and key[:1] != ":":
            return Slot(kind="descriptor" if kind else "environment", name=name)
        remedy = (
            "Write a variable's name, or fd:NAME for a variable with the number of a descriptor to read from."
        )
    raise ConfigError(f"{where}: {key[:80]!r} is no place for a secret.", remedy=remedy)


def _single(template: str) -> bool:
    return template.count("{}") == 1 and template.isascii() and template.isprintable()
