"""What a request to a provider is answered with: the members of an MCP result, or a ProtocolError."""

from collections.abc import Callable, Sequence
from typing import Any

from app.core.errors import InputError
from app.extensions import Offer, Offered, Wanted
from app.mcp.protocol import INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_CAPABILITY, ProtocolError, mirrored
from app.mcp.provided.running import Asked, Running

_NOT_THERE_OF_OLD = -32002
"""Of revisions before 2026-07-28; since then an absent resource is a wrong parameter."""
_VALUES = 100
_LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


class Answering:
    """The requests about what an offer holds; `announce` is for calls that change something."""

    def __init__(self, *, announce: Callable[[str], None]) -> None:
        self._announce = announce

    async def answer(self, offer: Offer, asked: Asked) -> dict[str, Any]:
        """The result of a request; ProtocolError for a method that is none of these."""
        match asked.outgoing.method:
            case "tools/call":
                return await self._call(offer, asked)
            case "prompts/get":
                prompt = _named(offer.prompts, asked, "prompt")
                return await self._run(prompt, asked, asked.member("arguments") or {})
            case "resources/read":
                resource, values = _found(offer, asked)
                return await self._run(resource, asked, values)
            case "completion/complete":
                return _completed(offer, asked)
            case method:
                return _listed(offer, method)

    async def _call(self, offer: Offer, asked: Asked) -> dict[str, Any]:
        tool = _named(offer.tools, asked, "tool")
        arguments = asked.member("arguments") or {}
        if asked.caller.era == "modern":
            found = mirrored.mirrors(tool.definition.get("inputSchema"))
            mirrored.agree(found or {}, arguments, asked.outgoing.headers)
        try:
            return await self._run(tool, asked, arguments)
        except ProtocolError:
            raise
        except InputError as error:  # for the model that called: it can do better next time
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}

    async def _run(self, offered: Offered, asked: Asked, arguments: dict[str, Any]) -> dict[str, Any]:
        missing = {need: {} for need in offered.needs if need not in asked.caller.capabilities}
        if missing:
            raise ProtocolError(
                f"This needs a client that can do {', '.join(missing)}.",
                number=MISSING_CAPABILITY,
                data={"requiredCapabilities": missing},
            )
        name = str(asked.member("uri") or asked.member("name"))
        answer = await offered.answer(Running(asked, name=name, arguments=arguments, announce=self._announce))
        if not isinstance(answer, Wanted):
            return answer
        value: dict[str, Any] = {"resultType": "input_required", "inputRequests": answer.questions}
        return {**value, "requestState": answer.state} if answer.state is not None else value


def match_template(template: str, address: str) -> dict[str, Any] | None:
    """The values of a template's `{variables}`, each a whole segment between slashes; None if it does not fit."""
    parts, given = template.split("/"), address.split("/")
    if len(parts) != len(given):
        return None
    values: dict[str, Any] = {}
    for part, segment in zip(parts, given, strict=True):
        if part.startswith("{") and part.endswith("}") and segment:
            values[part[1:-1]] = segment
        elif part != segment:
            return None
    return values


def _found(offer: Offer, asked: Asked) -> tuple[Offered, dict[str, Any]]:
    address = str(asked.member("uri"))
    for one in offer.resources:
        if one.definition["uri"] == address:
            return one, {}
    for one in offer.templates:
        if (values := match_template(one.definition["uriTemplate"], address)) is not None:
            return one, values
    raise ProtocolError(
        "There is no such resource.",
        number=INVALID_PARAMS if asked.caller.era == "modern" else _NOT_THERE_OF_OLD,
        data={"uri": address},
    )


def _named(offered: Sequence[Offered], asked: Asked, kind: str) -> Offered:
    name = str(asked.member("name"))
    for one in offered:
        if one.definition["name"] == name:
            return one
    raise ProtocolError(f"There is no {kind} {name[:200]!r}.", number=INVALID_PARAMS)


def _listed(offer: Offer, method: str) -> dict[str, Any]:
    kinds = {
        "tools/list": offer.tools,
        "prompts/list": offer.prompts,
        "resources/list": offer.resources,
        "resources/templates/list": offer.templates,
    }
    if method not in kinds:
        raise ProtocolError(f"There is no {method[:100]} here.", number=METHOD_NOT_FOUND)
    return {_LISTS[method]: [one.definition for one in kinds[method]]}


def _completed(offer: Offer, asked: Asked) -> dict[str, Any]:
    if offer.complete is None:
        raise ProtocolError("Nothing is proposed here.", number=METHOD_NOT_FOUND)
    reference, argument = asked.member("ref"), asked.member("argument")
    if not isinstance(argument, dict) or not isinstance(argument.get("name"), str):
        raise ProtocolError("params.argument must have a name.", number=INVALID_PARAMS)
    found = offer.complete(reference, argument["name"], str(argument.get("value", "")))
    shown = list(found[:_VALUES])
    return {"completion": {"values": shown, "total": len(found), "hasMore": len(found) > len(shown)}}
