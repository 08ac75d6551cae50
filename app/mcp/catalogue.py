"""What a caller is shown: introductions and listings, of one server or of all it may reach."""

import asyncio
from typing import Any

import msgspec
from msgspec import Raw

from app.core.call import Resource
from app.core.errors import EgressError, InputError, UpstreamError
from app.core.passage import Passage
from app.mcp import results
from app.mcp.listing import Page, read_page, visible
from app.mcp.oauth import SignInWanted
from app.mcp.pins import Watch
from app.mcp.protocol import METHOD_NOT_FOUND, MODERN, ProtocolError
from app.mcp.protocol.envelope import SERVER_INFO, SKILLS, SUBSCRIPTION, TASKS
from app.mcp.protocol.methods import Method
from app.mcp.skills import Skills
from app.mcp.skills.entry import public
from app.mcp.turn import members_of
from app.mcp.upstream.ports import Caller, Outgoing, Relay, Respond, Upstream
from app.mcp.upstream.servers import Servers
from app.mcp.upstream.silent import Silent

MOST_PAGES = 100
MOST_ENTRIES = 10_000
PATIENCE = 10.0
"""Seconds that one server may hold up a listing of all."""
_OFFERED = ("tools", "resources", "prompts", "completions", "experimental")
_ANNOUNCED = ("subscribe", "listChanged")
_INSTRUCTIONS = (
    "Tools and prompts are named server__name, resources sallyport://server/address. "
    "Every call is subject to this site's policy and is recorded."
)


SIGN_IN = "sallyport/sign-in"
"""In `_meta` of a listing of all servers: those that want the caller to sign in, and where."""


class Announcements:
    """The relay of a subscription: changes of resources the caller may not read are not announced to it.

    `request` is the id of the caller's request, which is how it tells its subscriptions apart.
    """

    def __init__(self, relay: Relay, passage: Passage, server: str, *, request: bytes) -> None:
        self.session = None
        self._relay = relay
        self._passage = passage
        self._server = server
        self._request = Raw(request)

    async def notify(self, message: bytes) -> None:
        """Pass it on if the caller may know, under the id of its own request."""
        seen = msgspec.json.decode(message, type=_Update)
        if seen.method == "notifications/resources/updated":
            resource = Resource("resource", f"{self._server}/{seen.params.get('uri')}")
            if not self._passage.may("resource.read", resource):
                return
        meta = seen.params.get("_meta")
        if isinstance(meta, dict) and SUBSCRIPTION in meta:
            params = {**seen.params, "_meta": {**meta, SUBSCRIPTION: self._request}}
            message = msgspec.json.encode({"jsonrpc": "2.0", "method": seen.method, "params": params})
        await self._relay.notify(message)

    async def ask(self, method: str, params: msgspec.Raw | None, respond: Respond) -> bool:
        """A subscription asks nothing."""
        return False


class _Update(msgspec.Struct):
    method: str = ""
    params: dict[str, Any] = {}


class Catalogue:
    """Reads the servers; `us` is how Sallyport introduces itself on the aggregated endpoint.

    `tasks` says that calls may be answered later.
    """

    def __init__(self, *, servers: Servers, watch: Watch, us: dict[str, Any], tasks: bool = False) -> None:
        self.skills = Skills(watch)
        self._tasks = tasks
        self._servers = servers
        self._watch = watch
        self._us = us

    async def introduce(self, passage: Passage, caller: Caller, server: str) -> dict[str, Any]:
        """The result of `initialize`, without the version."""
        if not server:
            capabilities = {"tools": {}, "resources": {}, "prompts": {}, "completions": {}}
            capabilities |= self._extended(caller, {"directoryRead": True})
            return {"capabilities": capabilities, "serverInfo": self._us, "instructions": _INSTRUCTIONS}
        upstream = self._need(server)
        found = await upstream.describe(passage, caller)
        approved = await self._watch.introduced(upstream, caller, found)
        offered = {key: found.capabilities[key] for key in _OFFERED if key in found.capabilities}
        for key in ("tools", "prompts", "resources"):
            if isinstance(offered.get(key), dict):
                kept = _ANNOUNCED if upstream.sessions else _ANNOUNCED[1:]
                offered[key] = {name: value for name, value in offered[key].items() if name in kept}
        if upstream.sessions and "logging" in found.capabilities:
            offered["logging"] = found.capabilities["logging"]
        extensions = members_of(found.capabilities.get("extensions"))
        offered |= self._extended(caller, extensions.get(SKILLS))
        value = {"capabilities": offered, "serverInfo": found.info or {"name": server, "version": "unknown"}}
        return {**value, "instructions": found.instructions} if found.instructions and approved else value

    def _extended(self, caller: Caller, skills: Any) -> dict[str, Any]:
        """What is offered beyond the servers' own members: skills as given, tasks in the words of either era."""
        found: dict[str, Any] = {"extensions": {SKILLS: skills}} if skills is not None else {}
        if self._tasks and caller.era == "modern":
            found["extensions"] = {**found.get("extensions", {}), TASKS: {}}
        elif self._tasks:
            found["tasks"] = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
        return found

    async def discover(self, passage: Passage, caller: Caller, server: str) -> dict[str, Any]:
        """The result of `server/discover`."""
        value = await self.introduce(passage, caller, server)
        info = value.pop("serverInfo")
        members = {"supportedVersions": [MODERN], **value, "_meta": {SERVER_INFO: info}}
        return results.with_envelope(members, cached=True)

    async def listing(
        self, passage: Passage, caller: Caller, method: Method, outgoing: Outgoing, *, server: str
    ) -> dict[str, Any]:
        """A listing with only what the caller may use; of all servers when none is named."""
        members: dict[str, Any] = {}
        if server:
            page = await self._page(passage, caller, (method, outgoing), self._need(server))
            whole = "cursor" not in outgoing.params and page.cursor is None
            pages, members, missing = await self._sift(caller, [page], method, whole=whole), page.members, []
            offered = len(page.entries)
        else:
            pages, missing, offered, members = await self._all(passage, caller, method, outgoing)
        shown = visible(pages, method, may=passage.may, aggregated=not server, public=public)
        note: dict[str, Any] = {"shown": len(shown), "of": offered}
        passage.note(result={**note, "unavailable": missing} if missing else note)
        value = {**members, method.member: shown}
        return results.with_envelope(value, cached=True) if caller.era == "modern" else _plain(value)

    async def _sift(self, caller: Caller, pages: list[Page], method: Method, *, whole: bool) -> list[Page]:
        if method.kind != "skill" or not pages:
            return await self._watch.sift(pages, method, whole=whole)
        place = self._need(pages[0].server).place(caller)
        return await self.skills.sift(pages, place, whole=whole)

    async def _all(
        self, passage: Passage, caller: Caller, method: Method, outgoing: Outgoing
    ) -> tuple[list[Page], list[str], int, dict[str, Any]]:
        if "cursor" in outgoing.params:
            raise ProtocolError("This listing has one page.", number=-32602)
        names = [name for name in self._servers.names if passage.may(method.action, Resource("server", name))]
        found: dict[str, list[Page]] = {}
        offered = 0
        wanted: dict[str, str] = {}

        async def read(name: str) -> None:
            nonlocal offered
            try:
                async with asyncio.timeout(PATIENCE):
                    read = await self._walk(passage, caller, (method, outgoing), self._need(name))
                    whole = not read or read[-1].cursor is None
                    found[name] = await self._sift(caller, read, method, whole=whole)
                    offered += sum(len(page.entries) for page in read)
            except SignInWanted as error:
                wanted[name] = error.url
            except (UpstreamError, EgressError, InputError, TimeoutError):
                pass  # the others are shown; the record names the one that is missing

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(read(name))
        pages = [page for name in names for page in found.get(name, ())]
        members = {"_meta": {SIGN_IN: dict(sorted(wanted.items()))}} if wanted else {}
        return pages, [name for name in names if name not in found], offered, members

    async def _walk(
        self, passage: Passage, caller: Caller, what: tuple[Method, Outgoing], upstream: Upstream
    ) -> list[Page]:
        method, outgoing = what
        pages: list[Page] = []
        entries = 0
        while len(pages) < MOST_PAGES and entries < MOST_ENTRIES:
            page = await self._page(passage, caller, (method, outgoing), upstream)
            pages.append(page)
            entries += len(page.entries)
            if page.cursor is None:
                break
            outgoing = msgspec.structs.replace(outgoing, params={**outgoing.params, "cursor": page.cursor})
        return pages

    async def _page(
        self, passage: Passage, caller: Caller, what: tuple[Method, Outgoing], upstream: Upstream
    ) -> Page:
        method, outgoing = what
        reply = await upstream.request(passage, caller, outgoing, Silent())
        if reply.result is not None:
            return read_page(upstream.name, method, reply.result)
        failure = results.failure(reply)
        if failure is not None and failure.code == METHOD_NOT_FOUND:
            return Page(server=upstream.name, entries=())  # it has no such things
        text = failure.message if failure else "no answer"
        raise ProtocolError(
            f"The tool server {upstream.name} refused: {text}", number=failure.code if failure else -32603
        )

    def _need(self, server: str) -> Upstream:
        upstream = self._servers.get(server)
        if upstream is None:
            raise ProtocolError(f"There is no tool server {server!r} here.", number=-32602, status=404)
        return upstream


def _plain(members: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in members.items() if key not in ("resultType", "ttlMs", "cacheScope")}
