"""The paths of the vendors' APIs: changing the base URL is the whole migration."""

from aiohttp import web

from app.admission import Admission
from app.extensions import Answered, Params, Request, Route, ShortEndpoint
from app.gateway.asked import Operation
from app.gateway.clients.listing import Listing
from app.gateway.completions import COMPLETIONS
from app.gateway.dialects import ANTHROPIC, OPENAI, RESPONSES
from app.gateway.embeddings import EMBEDDINGS
from app.gateway.invoke import Invocation
from app.gateway.models import Models

HEARTBEAT_SECONDS = 15.0
BODY_LIMIT = 32 * 1024 * 1024
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


def routes(
    *,
    admission: Admission,
    models: Models,
    heartbeat: float = HEARTBEAT_SECONDS,
    body_limit: int = BODY_LIMIT,
) -> list[Route]:
    """The AI gateway's endpoints; a silent stream is kept alive every `heartbeat` seconds.

    `body_limit`: bytes of a request once it is decompressed; as it comes, the listener limits it.
    """
    invocation = Invocation(admission=admission, models=models, heartbeat=heartbeat, body_limit=body_limit)
    listing = Listing(admission=admission, models=models)
    return [
        *(Route(method="POST", path=path, short=_post(invocation, what)) for path, what in _OPERATIONS),
        Route(method="GET", path="/v1/models", short=listing.all),
        Route(method="GET", path="/v1/models/{id...}", short=listing.one),
        Route(method="GET", path="/v1/responses", endpoint=_no_socket, public=_TRIED),
        Route(method="GET", path="/api/hello", endpoint=_root, public=_PROBED),
        Route(method="POST", path="/api/event_logging/batch", endpoint=_ignored, public=_DROPPED),
    ]


def _post(invocation: Invocation, operation: Operation) -> ShortEndpoint:
    async def endpoint(request: Request, params: Params) -> Answered:
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
