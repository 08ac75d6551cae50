"""The paths of the vendors' APIs: changing the base URL is the whole migration."""

from aiohttp import web

from app.admission import Admission
from app.extensions import Endpoint, Params, Route
from app.gateway.asked import Operation
from app.gateway.clients.listing import Listing
from app.gateway.completions import COMPLETIONS
from app.gateway.dialects import ANTHROPIC, OPENAI, RESPONSES
from app.gateway.embeddings import EMBEDDINGS
from app.gateway.invoke import Invocation
from app.gateway.models import Models

HEARTBEAT_SECONDS = 15.0
_OPERATIONS = (
    ("/v1/chat/completions", Operation(dialect=OPENAI, path="/chat/completions")),
    ("/v1/completions", Operation(dialect=COMPLETIONS, path="/completions", kind="text")),
    ("/v1/embeddings", Operation(dialect=EMBEDDINGS, path="/embeddings", kind="vectors")),
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
        *(Route(method="POST", path=path, endpoint=_post(invocation, what)) for path, what in _OPERATIONS),
        Route(method="GET", path="/v1/models", endpoint=listing.all),
        Route(method="GET", path="/v1/models/{id...}", endpoint=listing.one),
        Route(method="GET", path="/v1/responses", endpoint=_no_socket, public=_TRIED),
        Route(method="GET", path="/api/hello", endpoint=_root, public=_PROBED),
        Route(method="POST", path="/api/event_logging/batch", endpoint=_ignored, public=_DROPPED),
    ]


def _post(invocation: Invocation, operation: Operation) -> Endpoint:
    async def endpoint(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        return await invocation.serve(operation, request)

    return endpoint


async def _root(request: web.BaseRequest, params: Params) -> web.StreamResponse:
    return web.Response(text="Sallyport\n")


async def _no_socket(request: web.BaseRequest, params: Params) -> web.StreamResponse:
    body = OPENAI.error(
        status=426, message="There is no WebSocket here; POST the request.", code="post_only", trace_id=""
    )
    return web.Response(status=426, body=body, content_type="application/json", headers={"Allow": "POST"})


async def _ignored(request: web.BaseRequest, params: Params) -> web.StreamResponse:
    return web.json_response({})
