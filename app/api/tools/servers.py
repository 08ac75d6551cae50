"""Tool servers: where each stands, what it takes and how far it is confined; the restart that releases a held one."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from app.api.operation import Asked, Operation, Page
from app.api.paging import PageQuery, page_in_memory


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """A measure of confinement: `how` it holds, or why it is missing and what would help."""

    name: str
    on: bool
    how: str = ""
    remedy: str = ""


class ToolServer(msgspec.Struct, frozen=True, kw_only=True):
    """A tool server at this moment; numbers and confinement are of programs. `seconds` in this state."""

    name: str
    kind: str
    state: str
    why: str
    seconds: float
    starts: int
    pid: int
    processes: int
    memory_bytes: int
    cpu_seconds: float
    confinement: str
    measures: list[Measure]
    description: str
    sign_in: str = ""
    """Who signs in there, and how many are."""


class ToolServers(Protocol):
    """The site's tool servers."""

    async def overview(self) -> Sequence[ToolServer]:
        """All of them, by name."""
        ...

    async def restart(self, name: str) -> None:
        """NotFoundError when there is no such program."""
        ...


def operations(servers: ToolServers) -> list[Operation]:
    """The table of this subject."""

    async def overview(asked: Asked) -> Page[ToolServer]:
        return page_in_memory(await servers.overview(), asked.query, lambda row: row.name)

    async def restart(asked: Asked) -> None:
        await servers.restart(asked.params["name"])

    return [
        Operation(
            id="listToolServers", method="GET", path="/api/v1/tool-servers", summary="List tool servers and how they are",
            action="admin.server.list", kind="server", about="*", run=overview, query=PageQuery,
            answer=Page[ToolServer],
        ),
        Operation(
            id="restartToolServer", method="POST", path="/api/v1/tool-servers/{name}/restart",
            summary="Start a tool program anew, held or not",
            action="admin.server.restart", kind="server", about="{name}", run=restart,
        ),
    ]  # fmt: skip
