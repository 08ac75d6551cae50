"""Callers of 2026-07-28 who can be asked, before servers of the older era, where asking takes a session.

Such a caller has no session. Each of its requests gets one of its own for as long as it runs, so that a question can
belong to no other request; when the request has ended, the next one of the same caller and capabilities takes it over.
"""

import itertools
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

from app.core.canonical import canonical
from app.mcp.upstream.ports import Caller

ANSWERABLE = ("elicitation", "sampling", "roots")
"""What a client declares that lets a server ask it something."""
ASKING = frozenset({"tools/call", "prompts/get", "resources/read"})
"""Requests that may be answered with a question (2026-07-28)."""
ANSWERED_WITHIN = 600.0
"""Seconds that a client may take to answer, while its request stays open at the server."""
_MARK = "?"


def silence(timeout: float) -> float:
    """Seconds that a connection may be silent in a call: its own limit ends it sooner, unless it waits for its client."""
    return max(timeout, ANSWERED_WITHIN) + 5.0


def answerable(caller: Caller) -> dict[str, Any]:
    """What a caller without a session declared that lets a server ask it; empty for every other caller."""
    if caller.era == "old":
        return {}
    return {key: value for key, value in caller.capabilities.items() if key in ANSWERABLE}


def is_berth(session: str) -> bool:
    """Whether it is the name of such a session."""
    return session.startswith(_MARK)


def berth(shown: Mapping[str, Any], taken: Collection[str]) -> str:
    """The name of a session for a caller who declared this, the first that is not taken."""
    kind = sha256(canonical(shown)).hexdigest()[:16]
    names = (f"{_MARK}{kind}-{number}" for number in itertools.count())
    return next(name for name in names if name not in taken)
