"""Sallyport's own tools, wired to the record and the profile."""

from app import __version__
from app.core.errors import NotFoundError
from app.extensions import ToolProvider
from app.mcp.own import NAME, Denial, Own
from app.server.site import Site


def own_tools(site: Site) -> dict[str, ToolProvider]:
    """The providers that every site has."""

    async def explain(trace_id: str, principal: str) -> list[Denial]:
        try:
            events = await site.reading.trace(trace_id)
        except NotFoundError:
            return []
        return [
            Denial(
                time=event.time,
                action=event.action,
                resource=f"{event.resource_kind}:{event.resource}",
                reason=event.reason,
                rule_ids=tuple(event.rule_ids),
                policy_hash=event.policy_hash,
            )
            for event in events
            if event.kind == "denial" and event.actor_id == principal
        ]

    def servers() -> dict[str, str]:
        return {name: entry.description for name, entry in site.declared.mcp.servers.items()}

    return {NAME: Own(explain=explain, servers=servers, version=__version__)}
