"""The paths of the vendors' APIs: changing the base URL is the whole migration."""

from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from app.admission import Admission
from app.core.call import Call, Resource
from app.core.errors import NotFoundError, SallyportError
from app.core.ids import continue_trace
from app.core.passage import Passage
from app.extensions import Answered, Params, Request, Route, ShortEndpoint
from app.gateway.ask import MODEL_LIMIT
from app.gateway.asked import Operation, credential
from app.gateway.dialects import ANTHROPIC, OPENAI, RESPONSES, Dialect
from app.gateway.invoke import Invocation
from app.gateway.models import Listed, Models
from app.gateway.render import failure, json_response, trace_headers

HEARTBEAT_SECONDS = 15.0
CREATED = 1_760_000_000
CREATED_AT = "2025-10-09T08:53:20Z"
_OPERATIONS = (
    ("/v1/chat/completions", Operation(dialect=OPENAI, path="/chat/completions")),
    ("/v1/responses", Operation(dialect=RESPONSES, path="/responses")),
    ("/v1/messages", Operation(dialect=ANTHROPIC, path="/v1/messages")),
    ("/v1/messages/count_tokens", Operation(dialect=ANTHROPIC, path="/v1/messages/count_tokens", free=True)),
)


_PROBED = "clients probe it before they sign in; the answer says nothing"
_TRIED = "clients that try a WebSocket first are told at once to use POST; nothing is read"
_DROPPED = "telemetry of clients is dropped unread"


def routes(*, admission: Admission, models: Models, heartbeat: float = HEARTBEAT_SECONDS) -> list[Route]:
    """The AI gateway's endpoints; a silent stream is kept alive every `heartbeat` seconds."""
    invocation = Invocation(admission=admission, models=models, heartbeat=heartbeat)
    listing = Listing(admission=admission, models=models)
    return [
        *(Route(method="POST", path=path, short=_post(invocation, what)) for path, what in _OPERATIONS),
        Route(method="GET", path="/v1/models", short=listing.all),
        Route(method="GET", path="/v1/models/{id...}", short=listing.one),
        Route(method="GET", path="/v1/responses", endpoint=_no_socket, public=_TRIED),
        Route(method="GET", path="/api/hello", endpoint=_root, public=_PROBED),
        Route(method="POST", path="/api/event_logging/batch", endpoint=_ignored, public=_DROPPED),
    ]


class Listing:
    """`/v1/models` in the shape that the client reads, with what its principal may use."""

    def __init__(self, *, admission: Admission, models: Models) -> None:
        self._admission = admission
        self._models = models

    async def all(self, request: Request, params: Params) -> Answered:
        """The list: Anthropic's, Codex' or OpenAI's."""
        return await self._admitted(request, "*")

    async def one(self, request: Request, params: Params) -> Answered:
        """One model of it; what the caller may not use does not exist for it."""
        return await self._admitted(request, params["id"])

    async def _admitted(self, request: Request, name: str) -> Answered:
        dialect = _dialect(request)
        trace = continue_trace(request.headers.get("traceparent"))
        call = Call(
            door="gateway",
            action="model.list",
            resource=Resource("model", name[:MODEL_LIMIT]),
            trace=trace,
            credential=credential(request),
            client=request.headers.get("User-Agent", "")[:256],
            address=request.remote or "",
        )
        try:
            async with self._admission.admit(call) as passage:
                value = self._answer(request, dialect, passage, name)
        except SallyportError as error:
            return failure(error, dialect=dialect, trace=trace)
        body = msgspec.json.encode(value)
        return json_response(body, trace_headers(trace))

    def _answer(self, request: Request, dialect: Dialect, passage: Passage, name: str) -> dict[str, Any]:
        usable = self._models.listed(lambda model: passage.may("model.invoke", Resource("model", model)))
        entry = _anthropic_entry if dialect is ANTHROPIC else _openai_entry
        if name != "*":
            for target in usable:
                if target.model == name:
                    return entry(target)
            passage.note(status="refused", error="no such model")
            raise NotFoundError(f"There is no model {name[:MODEL_LIMIT]!r} that you may use.")
        if "client_version" in parse_qs(request.query, keep_blank_values=True):
            # Codex asks for its own catalogue; with an empty one it keeps the models it was configured with.
            return {"models": []}
        data = [entry(target) for target in usable]
        if dialect is OPENAI:
            return {"object": "list", "data": data}
        ends = (
            {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
            if data
            else {"first_id": None, "last_id": None}
        )
        return {"data": data, "has_more": False, **ends}


def _post(invocation: Invocation, operation: Operation) -> ShortEndpoint:
    async def endpoint(request: Request, params: Params) -> Answered:
        return await invocation.serve(operation, request)

    return endpoint


def _dialect(request: Request) -> Dialect:
    anthropic = "anthropic-version" in request.headers or "x-api-key" in request.headers
    return ANTHROPIC if anthropic else OPENAI


def _openai_entry(target: Listed) -> dict[str, Any]:
    return {"id": target.model, "object": "model", "created": CREATED, "owned_by": target.provider}


def _anthropic_entry(target: Listed) -> dict[str, Any]:
    return {
        "type": "model",
        "id": target.model,
        "display_name": target.display_name,
        "created_at": CREATED_AT,
    }


async def _root(request: web.BaseRequest, params: Params) -> web.StreamResponse:
    return web.Response(text="Sallyport\n")


async def _no_socket(request: web.BaseRequest, params: Params) -> web.StreamResponse:
    body = OPENAI.error(
        status=426, message="There is no WebSocket here; POST the request.", code="post_only", trace_id=""
    )
    return web.Response(status=426, body=body, content_type="application/json", headers={"Allow": "POST"})


async def _ignored(request: web.BaseRequest, params: Params) -> web.StreamResponse:
    return web.json_response({})
