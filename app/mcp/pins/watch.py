"""Looks at what tool servers show, when they are listed and again before a call; what changed goes nowhere."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from app.admission import Admission
from app.catalog import Catalog, Definition, Kind, Sighting
from app.core.call import Inherited
from app.core.clock import Clock
from app.core.ids import child_span
from app.core.passage import Passage
from app.mcp import results
from app.mcp.listing import Page, mirrors_of, read_page
from app.mcp.pins.entries import KINDS, Entries, introduction
from app.mcp.protocol import INVALID_PARAMS, METHOD_NOT_FOUND, ProtocolError, methods
from app.mcp.protocol.methods import Method, Target
from app.mcp.protocol.mirrored import Mirrors
from app.mcp.upstream.ports import Caller, Description, Outgoing, Upstream
from app.mcp.upstream.silent import Silent

MOST_PAGES = 100
_LOOKS = 4_096
_LISTS: Mapping[Kind, str] = {"tool": "tools/list", "prompt": "prompts/list"}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was there at a moment (monotonic seconds): digests by name, of one kind; of a server under the name ''.

    `mirrors` are the arguments that callers repeat in headers, of tools that have such.
    """

    at: float
    changes: int
    digests: dict[str, str]
    mirrors: dict[str, Mirrors] = {}


class Watch:
    """`recheck` is for how many seconds a look holds; `program` tells the digests of a server's program files.

    `ours` are servers inside this process: their definitions are the program that runs, and change with it only.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        admission: Admission,
        clock: Clock,
        recheck: float,
        program: Callable[[str], Mapping[str, str]],
        ours: Collection[str] = (),
    ) -> None:
        self._ours = frozenset(ours)
        self._catalog = catalog
        self._admission = admission
        self._clock = clock
        self._recheck = recheck
        self._program = program
        self._entries = Entries()
        self._looks: OrderedDict[tuple[str, str, Kind], Look] = OrderedDict()
        self._locks: dict[tuple[str, str, Kind], asyncio.Lock] = {}

    async def introduced(self, upstream: Upstream, caller: Caller, description: Description) -> bool:
        """Notice a server's introduction; whether it is approved."""
        if upstream.name in self._ours:
            return True
        changes = upstream.changes
        digests = await asyncio.to_thread(self._program, upstream.name)
        found = introduction(upstream.name, description, digests)
        await self._notice(upstream.name, [found], whole=frozenset())
        self._keep(
            upstream,
            caller,
            "server",
            Look(at=self._clock.monotonic(), changes=changes, digests={"": found.digest}),
        )
        return self._catalog.usable(found.key, found.digest)

    async def sift(self, pages: Sequence[Page], method: Method, *, whole: bool) -> list[Page]:
        """The pages of one server with approved definitions only; `whole` when nothing of the listing is missing."""
        kind = KINDS.get(method.member)
        if kind is None or not pages or pages[0].server in self._ours:
            return list(pages)
        read = [(page, *self._definitions(page, kind)) for page in pages]
        found = [one for _, definitions, _ in read for one in definitions.values()]
        complete: frozenset[Kind] = frozenset([kind]) if whole else frozenset()
        await self._notice(pages[0].server, found, whole=complete)
        return [
            msgspec.structs.replace(page, entries=tuple(
                (name, entry) for name, entry in page.entries
                if name not in twice and (one := definitions.get(name)) and self._catalog.usable(one.key, one.digest)
            ))
            for page, definitions, twice in read
        ]  # fmt: skip

    async def require(
        self, passage: Passage, caller: Caller, upstream: Upstream, target: Target
    ) -> Mirrors | None:
        """Return if what the call is about is, now, what a person approved; DeniedError (recorded) if it is not.

        Returned are the arguments that headers repeat; None for a server inside this process, which checks itself.
        """
        if upstream.name in self._ours:
            return None
        found: Mirrors = {}
        kind: Kind | None = "tool" if target.resource.kind == "tool" else None
        kind = "prompt" if target.resource.kind == "prompt" else kind
        server = await self._look(passage, caller, upstream, "server")
        fine = self._catalog.usable((upstream.name, "server", ""), server.digests[""])
        if kind is not None and fine:
            look = await self._look(passage, caller, upstream, kind)
            digest = look.digests.get(target.name)
            if digest is None:
                passage.note(status="refused")
                raise ProtocolError(
                    f"The tool server {upstream.name} lists no {kind} {target.name[:200]!r}.",
                    number=INVALID_PARAMS,
                )
            fine = self._catalog.usable((upstream.name, kind, target.name), digest)
            found = look.mirrors.get(target.name, {})
        if not fine:
            await self._deny(passage, upstream, target)
        return found

    async def _deny(self, passage: Passage, upstream: Upstream, target: Target) -> None:
        """Ask the corridor once more: it knows by now what the server shows, and writes its denial down."""
        passage.note(status="refused", error="The definition is not the approved one.")
        call = msgspec.structs.replace(
            passage.call,
            credential=Inherited(passage),
            trace=child_span(passage.trace),
            details={"before": "dispatch"},
        )
        async with self._admission.admit(call) as again:
            again.note(status="refused", error="The definition is not the approved one.")
            raise ProtocolError(
                f"The definition of {target.resource} at {upstream.name} is not the approved one.",
                number=INVALID_PARAMS,
            )

    async def _look(self, passage: Passage, caller: Caller, upstream: Upstream, kind: Kind) -> Look:
        key = _place(upstream, caller, kind)
        look = self._looks.get(key)
        if look is not None and self._fresh(look, upstream):
            return look
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                began = self._clock.monotonic()
                look = self._looks.get(key)
                if look is not None and (self._fresh(look, upstream) or look.at > began):
                    return look
                if kind == "server":
                    await self.introduced(upstream, caller, await upstream.describe(passage, caller))
                else:
                    await self._listed(passage, caller, upstream, kind)
                return self._looks[key]
        finally:
            if not lock.locked():
                self._locks.pop(key, None)

    def _fresh(self, look: Look, upstream: Upstream) -> bool:
        return look.changes == upstream.changes and self._clock.monotonic() - look.at < self._recheck

    async def _listed(self, passage: Passage, caller: Caller, upstream: Upstream, kind: Kind) -> None:
        """Read the whole listing as the caller would see it."""
        changes, at = upstream.changes, self._clock.monotonic()
        method = methods.METHODS[_LISTS[kind]]
        definitions: dict[str, Definition] = {}
        mirrors: dict[str, Mirrors] = {}
        cursor: msgspec.Raw | None = None
        for _ in range(MOST_PAGES):
            params = {} if cursor is None else {"cursor": cursor}
            reply = await upstream.request(
                passage, caller, Outgoing(method=_LISTS[kind], params=params), Silent()
            )
            failure = results.failure(reply)
            if failure is not None and failure.code != METHOD_NOT_FOUND:
                raise ProtocolError(
                    f"The tool server {upstream.name} refused to list: {failure.message}", number=failure.code
                )
            if reply.result is None:
                break
            page = read_page(upstream.name, method, reply.result)
            mirrors |= {name: marks for name, entry in page.entries if (marks := mirrors_of(entry))}
            found, twice = self._definitions(page, kind)
            definitions = {name: one for name, one in {**found, **definitions}.items() if name not in twice}
            cursor = page.cursor
            if cursor is None:
                break
        await self._notice(
            upstream.name, list(definitions.values()), whole=frozenset([kind] if cursor is None else [])
        )
        digests = {name: one.digest for name, one in definitions.items()}
        look = Look(at=at, changes=changes, digests=digests, mirrors=mirrors)
        self._keep(upstream, caller, kind, look)

    def _definitions(self, page: Page, kind: Kind) -> tuple[dict[str, Definition], set[str]]:
        """Definitions by name, without those nobody could judge and without names given twice."""
        found: dict[str, Definition] = {}
        twice: set[str] = set()
        for name, entry in page.entries:
            one = self._entries.define(page.server, kind, name, entry)
            if name in found and found[name] != one:
                twice.add(name)
            elif one is not None:
                found[name] = one
        return {name: one for name, one in found.items() if name not in twice}, twice

    async def _notice(
        self, server: str, definitions: Sequence[Definition], *, whole: frozenset[Kind]
    ) -> None:
        await self._catalog.notice(Sighting(server=server, definitions=tuple(definitions), whole=whole))

    def _keep(self, upstream: Upstream, caller: Caller, kind: Kind, look: Look) -> None:
        self._looks[_place(upstream, caller, kind)] = look
        self._looks.move_to_end(_place(upstream, caller, kind))
        if len(self._looks) > _LOOKS:
            self._looks.popitem(last=False)


def _place(upstream: Upstream, caller: Caller, kind: Kind) -> tuple[str, str, Kind]:
    """Callers of a shared program see the same; others may be shown something else."""
    return upstream.name, upstream.place(caller), kind
