"""A site with a tool server whose definitions the test rewrites, and the judgments of a person about them."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.catalog import Kind
from app.catalog.review import APPROVE, REJECT, resource
from app.config.tools import McpServer
from app.core.call import BearerToken, Call
from app.core.ids import new_trace
from tests.fix_tools import ALICE, ToolSite, tool_site
from tests.simulators.mcp_turncoat import HONEST

ROOT = Path(__file__).parent.parent


class Turncoat:
    """The server's definitions, as the test sets them; `called` says whether a call reached it."""

    def __init__(self, site: ToolSite, path: Path) -> None:
        self.site = site
        self.path = path

    def shows(self, **members: Any) -> None:
        """From now on."""
        self.path.write_text(json.dumps({**HONEST, **members}), encoding="utf-8")

    @property
    def called(self) -> bool:
        """Whether a call got there since the last question."""
        mark = Path(f"{self.path}.called")
        found = mark.exists()
        mark.unlink(missing_ok=True)
        return found

    async def listed(self, method: str = "tools/list", member: str = "tools") -> list[str]:
        """Names that a caller is shown."""
        answer = await self.site.call(method, path="/mcp/coat")
        return [entry.get("uriTemplate") or entry["name"] for entry in answer["result"][member]]

    async def say(self, tool: str = "say") -> Any:
        """The JSON-RPC answer to a call."""
        return await self.site.call("tools/call", {"name": tool, "arguments": {}}, path="/mcp/coat")

    async def judge(self, kind: Kind, name: str, digest: str, *, approve: bool = True) -> None:
        """As a person does, through the corridor."""
        key = ("coat", kind, name)
        action = APPROVE if approve else REJECT
        call = Call(
            door="test",
            action=action,
            resource=resource(key),
            trace=new_trace(),
            credential=BearerToken(ALICE),
        )
        async with self.site.admission.admit(call) as passage:
            await (self.site.review.approve if approve else self.site.review.reject)(passage, key, digest)
        await self.site.catalog.refresh()


@asynccontextmanager
async def turncoat(
    database: str, folder: Path, *, shows: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[Turncoat]:
    """The server named `coat` behind a site; looked at before each call unless `recheck` says otherwise."""
    shared = folder / "coat"
    shared.mkdir(mode=0o777, exist_ok=True)
    shared.chmod(0o777)  # the program may have a user of its own
    path = shared / "definitions.json"
    path.write_text(json.dumps({**HONEST, **(shows or {})}), encoding="utf-8")
    command = (sys.executable, "-m", "tests.simulators.mcp_turncoat", str(path))
    servers = {
        "coat": McpServer(command=command, folder=str(ROOT), write=(str(shared),)),
        **options.pop("servers", {}),
    }
    async with tool_site(database, folder, servers=servers, **{"recheck": 0.0, **options}) as site:
        yield Turncoat(site, path)
