"""`/v1/models` as each client wants it."""

from typing import Any
from urllib.parse import parse_qs

import msgspec

from app.admission import Admission
from app.core.call import Call, Resource
from app.core.errors import NotFoundError, SallyportError
from app.core.ids import continue_trace
from app.core.passage import Passage
from app.extensions import Answered, Params, Request
from app.gateway.ask import MODEL_LIMIT
from app.gateway.asked import credential
from app.gateway.dialects import ANTHROPIC, OPENAI, Dialect
from app.gateway.models import Listed, Models
from app.gateway.render import failure, json_response, trace_headers

CREATED = 1_760_000_000
CREATED_AT = "2025-10-09T08:53:20Z"


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
