"""The door that browsers come back to from an authorization server, and the document that it may read about us."""

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from app.console.door import Door, call_of, html, see_other
from app.console.sources import Sources
from app.console.upstream.pages import path_of
from app.core.call import Resource
from app.core.errors import InputError, NotFoundError
from app.core.ids import Trace, continue_trace
from app.extensions import Params, Route

_LONGEST = 8192
_MOST = 16
_READABLE = "says who this site is to authorization servers, which read it by themselves"


class Returning:
    """A sign-in begun in the console is completed by its own session only; one of a command, by that command."""

    def __init__(self, *, door: Door, sources: Sources) -> None:
        self._door = door
        self._sources = sources

    def routes(self) -> list[Route]:
        """Their addresses are registered elsewhere: they stay as they are."""
        return [
            Route(method="GET", path="/oauth/upstream/callback", endpoint=self.callback),
            Route(method="GET", path="/oauth/upstream/client.json", endpoint=self.document, public=_READABLE),
        ]

    async def callback(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """Where every sign-in ends. Nothing of what came is put into the record or into an address."""
        trace = continue_trace(request.headers.get("traceparent"))
        try:
            return await self._returned(request, trace)
        except Exception as error:  # noqa: BLE001 - whatever failed, a person gets a page
            return self._door.refuse(request, error, trace, stay=True)

    async def _returned(self, request: web.BaseRequest, trace: Trace) -> web.StreamResponse:
        fields, fault = _fields(request)
        sign_ins = self._sources.sign_ins
        begun = await sign_ins.begun(fields.get("state", "")) if fault is None else None
        if begun is not None and begun[1] == "cli":
            # Its command waits for it and redeems it inside its own call; the state alone says that it may be kept.
            await sign_ins.park(fields["state"], fields)
            return self._told(begun[0], "cli", trace)
        if begun is not None and begun[1] == "api":
            return self._told(begun[0], "api", trace)
        server = begun[0] if begun is not None else "unknown"
        action = sign_ins.action(server) if begun is not None else "server.sign_in"
        async with self._door.admission.admit(
            call_of(request, trace, action, Resource("server", server))
        ) as passage:
            if fault is not None:
                raise fault
            standing = await sign_ins.complete(passage, fields)
        return see_other(f"{path_of(standing.server)}?done=1", trace=trace)

    def _told(self, server: str, via: str, trace: Trace) -> web.Response:
        values: dict[str, Any] = {"server": server, "via": via, "trace_id": trace.trace_id}
        return html(self._door.templates.render("sign-in-returned.html", values), trace=trace)

    async def document(self, request: web.BaseRequest, params: Params) -> web.StreamResponse:
        """The client metadata document; there is one only where others can reach us."""
        found = self._sources.client_document()
        if found is None:
            raise NotFoundError("This site has no such document.", remedy="It needs listen.url with https.")
        headers = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=msgspec.json.encode(found), content_type="application/json", headers=headers)


def _fields(request: web.BaseRequest) -> tuple[Mapping[str, str], InputError | None]:
    query = request.query
    if len(request.query_string) > _LONGEST or len(query) > _MOST or len(set(query)) != len(query):
        return {}, InputError("What came back cannot be read.", remedy="Begin again.")
    return dict(query), None
