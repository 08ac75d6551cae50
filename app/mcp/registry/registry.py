"""`GET /v0.1/servers`, `…/{name}/versions` and `…/versions/{version}`: per caller, admitted and recorded."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from aiohttp import web

from app.admission import Admission
from app.catalog import Catalog
from app.core.call import Call, Resource
from app.core.errors import DeniedError, NotFoundError, RecordUnavailableError, SallyportError
from app.core.ids import continue_trace
from app.core.passage import Passage
from app.extensions import Endpoint, Fields, Params, Route
from app.mcp.answers import CHALLENGE
from app.mcp.door import credential_of
from app.mcp.protocol.methods import USES
from app.mcp.registry import listing

Entries = Callable[[], Mapping[str, str]]
"""Name to description of the tool servers of this moment."""
_Answer = Callable[[web.BaseRequest, Passage, Params], dict[str, Any]]


class Registry:
    """What the endpoints answer."""

    def __init__(self, *, admission: Admission, catalog: Catalog, entries: Entries) -> None:
        self._admission = admission
        self._catalog = catalog
        self._entries = entries

    def overview(self, request: web.BaseRequest, passage: Passage, params: Params) -> dict[str, Any]:
        """A page of the servers that the caller may use."""
        return listing.page(self._usable(request, passage), listing.asked(request.query))

    def versions(self, request: web.BaseRequest, passage: Passage, params: Params) -> dict[str, Any]:
        """The one version that there is of a server."""
        return {"servers": [self._one(request, passage, params["name"])], "metadata": {"count": 1}}

    def version(self, request: web.BaseRequest, passage: Passage, params: Params) -> dict[str, Any]:
        """A server, if this is the version that holds."""
        found = self._one(request, passage, params["name"])
        if params["version"] not in ("latest", found["server"]["version"]):
            raise NotFoundError("There is no such version of this server.")
        return found

    def endpoint(self, answer: _Answer) -> Endpoint:
        """An endpoint in the corridor."""

        async def respond(request: web.BaseRequest, params: Params) -> web.StreamResponse:
            trace = continue_trace(request.headers.get("traceparent"))
            call = Call(
                door="mcp", action="server.connect", resource=Resource("server", "*"), trace=trace,
                credential=credential_of(cast("Fields", request.headers)),
                details={"registry": params.get("name", "")[:200]},
                client=request.headers.get("user-agent", "")[:200], address=request.remote or "",
            )  # fmt: skip
            headers = {"traceparent": trace.traceparent, "Cache-Control": "no-store"}
            try:
                async with self._admission.admit(call) as passage:
                    value = answer(request, passage, params)
            except SallyportError as error:
                return _refused(error, headers)
            return _json(value, 200, headers)

        return respond

    def _one(self, request: web.BaseRequest, passage: Passage, name: str) -> dict[str, Any]:
        for one in self._usable(request, passage):
            if one["server"]["name"] == name:
                return one
        raise NotFoundError("There is no such server here for you.")

    def _usable(self, request: web.BaseRequest, passage: Passage) -> list[dict[str, Any]]:
        host = request.headers.get("Host", "")
        base, space = f"{'https' if request.secure else 'http'}://{host}", listing.namespace(host)
        return [
            listing.entry(name, description, self._catalog.pins_of(name), base=base, space=space)
            for name, description in sorted(self._entries().items())
            if self._may_use(passage, name)
        ]

    def _may_use(self, passage: Passage, server: str) -> bool:
        """Whether anything of it is open to the caller; of a server never seen, whether a rule speaks of all of it."""
        kinds = {"tool": "tool.call", "prompt": "prompt.get"}
        return any(
            passage.may(kinds[pin.kind], Resource(pin.kind, f"{server}/{pin.name}"))
            for pin in self._catalog.pins_of(server)
            if pin.kind in kinds
        ) or any(passage.may(action, Resource(kind, f"{server}/*")) for kind, action in USES.items())


def registry_routes(*, admission: Admission, catalog: Catalog, entries: Entries) -> list[Route]:
    """The registry, ready to be mounted."""
    does = Registry(admission=admission, catalog=catalog, entries=entries)
    root = "/v0.1/servers"
    return [
        Route(method="GET", path=root, endpoint=does.endpoint(does.overview)),
        Route(method="GET", path=f"{root}/{{name}}/versions", endpoint=does.endpoint(does.versions)),
        Route(
            method="GET", path=f"{root}/{{name}}/versions/{{version}}", endpoint=does.endpoint(does.version)
        ),
    ]


def _refused(error: SallyportError, headers: dict[str, str]) -> web.Response:
    if isinstance(error, DeniedError):
        if error.anonymous:
            return _json({"error": error.message}, 401, {**headers, "WWW-Authenticate": CHALLENGE})
        return _json({"error": error.message}, 403, headers)
    if isinstance(error, NotFoundError):
        return _json({"error": error.message}, 404, headers)
    if isinstance(error, RecordUnavailableError):
        return _json({"error": str(error)}, 503, {**headers, "Retry-After": str(error.retry_after)})
    return _json({"error": str(error)}, getattr(error, "status", 500), headers)


def _json(value: Any, status: int, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), headers=headers, content_type="application/json"
    )
