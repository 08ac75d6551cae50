"""Skills as one caller may have them: entries by the rules and approved, files by the digest of their entry."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from app.core.call import Resource
from app.core.errors import UpstreamError
from app.mcp import results
from app.mcp.listing import Page
from app.mcp.pins import Watch
from app.mcp.protocol import FORBIDDEN, ProtocolError, names
from app.mcp.protocol.methods import METHODS
from app.mcp.skills.entry import File, fault, public, read, verify
from app.mcp.turn import Turn
from app.mcp.upstream.ports import Outgoing, Reply, Upstream
from app.mcp.upstream.silent import Silent

MOST_KNOWN = 20_000
"""Files of skills that are remembered."""
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
Place = tuple[str, str, str]
"""Server, what its callers of one place see, and the address of a file."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file: what its skill's entry promises, or that its skill is held (no file)."""

    skill: str
    file: File | None
    front: Raw | None = None
    """The front matter that its entry repeats, if the file is the skill's own SKILL.md."""

    def promises(self, result: Raw) -> bool:
        """Whether what was read is what the entry says."""
        return self.file is not None and verify(result, self.file, self.front)


class Skills:
    """Remembers the entries it passed on, so that a file is held against what its reader was told."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._known: OrderedDict[Place, Known] = OrderedDict()

    async def sift(self, pages: Sequence[Page], place: str, *, whole: bool) -> list[Page]:
        """The pages of one server with sound and approved entries only."""
        sound = [
            msgspec.structs.replace(page, entries=tuple((uri, entry) for uri, entry in page.entries if not fault(entry)))
            for page in pages
        ]  # fmt: skip
        kept = await self._watch.sift(sound, METHODS["skills/list"], whole=whole)
        for before, after in zip(sound, kept, strict=True):
            shown = dict(after.entries)
            for uri, entry in before.entries:
                self._remember(before.server, place, uri, entry, held=uri not in shown)
        return kept

    def _remember(self, server: str, place: str, uri: str, entry: dict[str, Raw], *, held: bool) -> None:
        for file in read(entry).files:
            key = (server, place, file.uri)
            front = entry.get("frontmatter") if file.uri == uri else None
            self._known[key] = Known(skill=uri, file=None if held else file, front=front)
            self._known.move_to_end(key)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    async def entry(self, turn: Turn, upstream: Upstream, result: Raw) -> Raw | bytes:
        """The result of skills/get, if its entry is sound, approved and about the skill that was asked for."""
        members: dict[str, Any] = dict(_MEMBERS.decode(result))
        entry = _MEMBERS.decode(members.get("skill", Raw(b"{}")))
        wrong = fault(entry) or ("" if read(entry).uri == turn.target.name else "it is another skill")
        if wrong:
            raise UpstreamError(
                f"The tool server {upstream.name} serves a skill against the rules: {wrong}.", kind="protocol"
            )
        page = Page(server=upstream.name, entries=((turn.target.name, entry),))
        kept = await self.sift([page], upstream.place(turn.caller), whole=False)
        if not kept[0].entries:
            turn.passage.note(status="refused", error="The skill is not the approved one.")
            raise ProtocolError(
                "The skill waits for a person's approval.",
                number=FORBIDDEN,
                data={"reason": "skill_quarantined"},
            )
        if not turn.inbound.server:
            members["skill"] = public(entry, upstream.name)
        return msgspec.json.encode(members)

    def _find(self, turn: Turn, upstream: Upstream) -> Known | None:
        """What its reader was told of a file: where it is read, or by the shared process before it had one of its own."""
        place, uri = upstream.place(turn.caller), turn.target.name
        return self._known.get((upstream.name, place, uri)) or self._known.get((upstream.name, "", uri))

    async def require(self, turn: Turn, upstream: Upstream) -> None:
        """Before a file is read: its skill must not be held."""
        known = self._find(turn, upstream)
        if known is not None and known.file is None:
            turn.passage.note(status="refused", error="The skill is not the approved one.")
            raise ProtocolError(
                "The skill of this file waits for a person's approval.",
                number=FORBIDDEN,
                data={"reason": "skill_quarantined"},
            )

    async def check(self, turn: Turn, upstream: Upstream, reply: Reply) -> None:
        """After a file was read: it is what its entry said, or what the entry says now; UpstreamError otherwise."""
        place = upstream.place(turn.caller)
        known = self._find(turn, upstream)
        if known is None or known.file is None or reply.result is None or known.promises(reply.result):
            return
        fresh = await upstream.request(
            turn.passage, turn.caller, Outgoing(method="skills/get", params={"uri": known.skill}), Silent()
        )
        if fresh.result is not None and results.failure(fresh) is None:
            entry = _MEMBERS.decode(_MEMBERS.decode(fresh.result).get("skill", Raw(b"{}")))
            if not fault(entry):
                page = Page(server=upstream.name, entries=((known.skill, entry),))
                await self.sift([page], place, whole=False)
        await self.require(turn, upstream)
        now = self._find(turn, upstream)
        if now is None or not now.promises(reply.result):
            raise UpstreamError(
                f"{turn.target.name[:200]} is not what the entry of its skill says (digest, size or front matter).",
                kind="protocol",
            )


def children(turn: Turn, result: Raw) -> dict[str, Any]:
    """What lies directly in a directory and its reader may read; UpstreamError when a server lists anything else."""
    members: dict[str, Any] = msgspec.json.decode(result)
    found = members.get("resources")
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and _child(one.get("uri"), turn.target.name) for one in found
    ):
        raise UpstreamError("The tool server listed what does not lie in that directory.", kind="protocol")
    server = turn.target.server
    readable = [
        one
        for one in found
        if turn.passage.may("resource.read", Resource("resource", f"{server}/{one['uri']}"))
    ]
    if not turn.inbound.server:
        readable = [{**one, "uri": names.join_uri(server, one["uri"])} for one in readable]
    return {**members, "resources": readable}


def _child(uri: Any, parent: str) -> bool:
    above = f"{parent.rstrip('/')}/"
    rest = uri.removeprefix(above) if isinstance(uri, str) else ""
    return bool(rest) and rest != uri and "/" not in rest and rest not in (".", "..")
