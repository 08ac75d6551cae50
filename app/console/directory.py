"""People, policies, tool servers and models, to be read."""

from collections.abc import Sequence
from typing import Any

from app.console.door import View, Visit
from app.console.sources import Sources
from app.core.errors import InputError
from app.policy.parse import RESERVED

_MOST = 1000


def views(sources: Sources) -> list[View]:
    """The pages of this file."""

    async def people(visit: Visit) -> dict[str, Any]:
        identity = sources.identity
        return {
            "users": await identity.users.list_all(limit=_MOST),
            "services": await identity.services.list_all(limit=_MOST),
            "groups": await identity.groups.list_all(),
            "roles": await identity.roles.list_all(),
            "keys": (await identity.keys.list_all())[:_MOST],
            "sessions": (await identity.sessions.list_all())[:_MOST],
            "now": sources.clock.now(),
            "most": _MOST,
        }

    async def policies(visit: Visit) -> dict[str, Any]:
        return {
            "versions": await sources.policies.overview(),
            "policy_hash": sources.engine.snapshot.hash,
            "problem": sources.engine.problem,
        }

    async def policy(visit: Visit) -> dict[str, Any]:
        name, number = visit.params["name"], _version(visit.query.get("version", ""))
        shown = await sources.policies.show(name, version=number)
        versions, activations = ([], []) if name == RESERVED else await sources.policies.history(name)
        active = next((row.version for row in versions if row.applied is not None), None)
        diff = ""
        if active is not None and active != shown.version:
            diff = await sources.policies.diff(name, old=active, new=shown.version)
        return {
            "shown": shown,
            "active": active,
            "versions": versions,
            "activations": activations,
            "diff": diff,
            "lines": (lines := shown.source.splitlines()),
            "marked": _line_of(visit.query.get("rule", ""), lines),
        }

    async def servers(visit: Visit) -> dict[str, Any]:
        return _places(sources)

    return [
        View(name="people", path="/console/people", read=people),
        View(name="policies", path="/console/policies", read=policies),
        View(name="policy", path="/console/policies/{name}", read=policy),
        View(name="servers", path="/console/servers", read=servers),
    ]


def _places(sources: Sources) -> dict[str, Any]:
    """What the profile names, as it is at this moment."""
    waiting = sources.catalog.waiting()
    return {"servers": sources.servers(), "models": sources.models(), "waiting": waiting}


def _line_of(rule: str, lines: Sequence[str]) -> int:
    """The number of the line that names the rule, 0 for none."""
    wanted = (f"id: {rule}", f"- id: {rule}")
    return next((number for number, line in enumerate(lines, 1) if rule and line.strip() in wanted), 0)


def _version(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError("The address names no version.", remedy="Choose one from the list.")
    return int(text)
