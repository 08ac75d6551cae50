"""Tools by which an agent learns who it is here, what it may do, and why something was refused."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from app.core.call import Resource
from app.core.errors import InputError
from app.extensions import Inquiry, Offer, Offered
from app.mcp.own.answers import (
    Denial,
    Denials,
    Nothing,
    Outlook,
    Question,
    Server,
    ServerList,
    Who,
    Wish,
    schema_of,
)

NAME = "sallyport"
Explain = Callable[[str, str], Awaitable[Sequence[Denial]]]
"""Trace id and principal's id to what was denied to that principal in that trace."""
_INSTRUCTIONS = (
    "Ask here who you are at this site, whether you may do something before you try, "
    "and why something was refused. Nothing here changes anything."
)
_LOOKS_ONLY = {"readOnlyHint": True, "idempotentHint": True, "openWorldHint": False}


class Own:
    """The provider. `servers` is name to description of the tool servers of this moment."""

    def __init__(self, *, explain: Explain, servers: Callable[[], Mapping[str, str]], version: str) -> None:
        self._explain = explain
        self._servers = servers
        tools = (
            _tool(
                "whoami",
                "Who you are here: name, kind, roles, groups, and what your credential is narrowed to.",
                (Nothing, Who),
                self._whoami,
            ),
            _tool(
                "may_i",
                "Whether policy could let you do something. The call itself decides: arguments and budgets count then.",
                (Wish, Outlook),
                self._may_i,
            ),
            _tool(
                "explain_denial",
                "Why calls of yours in a trace were denied: reason, rules and policy. Use the trace_id of the error.",
                (Question, Denials),
                self._explain_denial,
            ),
            _tool(
                "list_servers",
                "The tool servers whose tools you may list, with their endpoints at this site.",
                (Nothing, ServerList),
                self._list_servers,
            ),
        )
        self._offer = Offer(title="Sallyport", version=version, instructions=_INSTRUCTIONS, tools=tools)

    def offer(self) -> Offer:
        """Always the same."""
        return self._offer

    async def _whoami(self, inquiry: Inquiry, asked: Nothing) -> Who:
        principal = inquiry.passage.principal
        return Who(
            name=principal.name,
            kind=principal.kind,
            roles=principal.roles,
            groups=principal.groups,
            credential=principal.credential_kind,
            narrowed_to=principal.scopes,
            trace_id=inquiry.passage.trace.trace_id,
        )

    async def _may_i(self, inquiry: Inquiry, asked: Wish) -> Outlook:
        kind, _, name = asked.resource.partition(":")
        may = inquiry.passage.may(asked.action, Resource(kind, name))
        return Outlook(may=may, action=asked.action, resource=asked.resource)

    async def _explain_denial(self, inquiry: Inquiry, asked: Question) -> Denials:
        found = await self._explain(asked.trace_id, inquiry.passage.principal.id)
        return Denials(denials=tuple(found))

    async def _list_servers(self, inquiry: Inquiry, asked: Nothing) -> ServerList:
        may = inquiry.passage.may
        return ServerList(
            servers=tuple(
                Server(name=name, description=description, endpoint=f"/mcp/{name}")
                for name, description in sorted(self._servers().items())
                if may("tool.list", Resource("server", name))
            )
        )


Asked = TypeVar("Asked", bound=msgspec.Struct)


def _tool(
    name: str,
    description: str,
    types: tuple[type[Asked], type[msgspec.Struct]],
    answer: Callable[[Inquiry, Asked], Awaitable[msgspec.Struct]],
) -> Offered:
    arguments, said = types

    async def respond(inquiry: Inquiry) -> dict[str, Any]:
        try:
            asked = msgspec.convert(inquiry.arguments, arguments)
        except msgspec.ValidationError as error:
            raise InputError(f"The arguments are not usable: {error}.") from None
        value = await answer(inquiry, asked)
        text = msgspec.json.encode(value).decode()
        return {"content": [{"type": "text", "text": text}], "structuredContent": msgspec.to_builtins(value)}

    definition = {
        "name": name,
        "description": description,
        "inputSchema": schema_of(arguments),
        "outputSchema": schema_of(said),
        "annotations": _LOOKS_ONLY,
    }
    return Offered(definition=definition, answer=respond)
