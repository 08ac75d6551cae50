"""Listings and introductions as definitions of the catalog."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from app.catalog import Definition, Kind, define
from app.catalog.definition import defined
from app.core.errors import InputError
from app.mcp.upstream.ports import Description

KINDS: Mapping[str, Kind] = {
    "tools": "tool",
    "prompts": "prompt",
    "resourceTemplates": "template",
    "skills": "skill",
}
"""By the member of a listing's result. Resources are contents and not definitions: they come and go."""
_OFFERS = ("tools", "resources", "prompts", "completions")
_MOST = 8_192


class Entries:
    """Entries as definitions; the same bytes are read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Kind, bytes], Definition | None] = {}

    def define(self, server: str, kind: Kind, name: str, entry: dict[str, Raw]) -> Definition | None:
        """The definition of an entry; None when it is one that nobody could judge."""
        raw = msgspec.json.encode(entry)
        key = (server, kind, raw)
        if key not in self._known:
            if len(self._known) >= _MOST:
                self._known.clear()
            try:
                self._known[key] = define(server, kind, name, raw)
            except InputError:
                self._known[key] = None
        return self._known[key]


def introduction(server: str, description: Description, program: Mapping[str, str]) -> Definition:
    """What a server says about itself, and which program it is.

    Its version is left out, and of its capabilities only the kinds of things it offers are taken: both differ
    between the eras that one server speaks, and say nothing to a model.
    """
    info = description.info
    value: dict[str, Any] = {
        "name": _text(info.get("name")),
        "title": _text(info.get("title")),
        "instructions": description.instructions,
        "offers": [offer for offer in _OFFERS if offer in description.capabilities],
        "program": dict(program),
    }
    return defined(server, "server", "", {key: item for key, item in value.items() if item})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
