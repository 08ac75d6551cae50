"""How a client is told that a person has to sign in at a tool server first: in the best way that it understands."""

from typing import Any

import msgspec

from app.core.ids import Trace
from app.mcp import protocol
from app.mcp.answers import Answer
from app.mcp.oauth import SignInWanted
from app.mcp.protocol import FORBIDDEN
from app.mcp.upstream.ports import Caller

URL_ELICITATION_REQUIRED = -32042
"""2025-11-25: the error that names addresses a person has to open."""
ANSWER_KEY = "sallyport-sign-in"
"""The key of our question among `inputRequests`; its answer is ours and goes no further."""
_ASKING = frozenset({"tools/call", "prompts/get", "resources/read"})
_URL_SINCE = "2025-11-25"


def sign_in_answer(
    identifier: bytes | None, error: SignInWanted, *, caller: Caller, method: str, trace: Trace
) -> Answer:
    """A question with a URL where the client takes such, else an error that holds it."""
    data: dict[str, Any] = {
        "reason": "sign_in_wanted",
        "server": error.server,
        "sign_in": error.url,
        "scopes": list(error.scopes),
        "trace_id": trace.trace_id,
    }
    asked = {"mode": "url", "url": error.url, "message": error.message}
    if error.url and _takes_urls(caller):
        if caller.era == "modern" and method in _ASKING:
            question = {"method": "elicitation/create", "params": asked}
            result = {"resultType": "input_required", "inputRequests": {ANSWER_KEY: question}}
            return Answer(body=protocol.result(identifier or b"null", msgspec.json.encode(result)))
        if caller.era == "old" and caller.version >= _URL_SINCE:
            elicitation = {**asked, "elicitationId": f"sign-in-{error.server}-{trace.trace_id}"}
            body = {**data, "elicitations": [elicitation]}
            return Answer(body=protocol.error(identifier, URL_ELICITATION_REQUIRED, str(error), body))
    return Answer(body=protocol.error(identifier, FORBIDDEN, str(error), data))


def _takes_urls(caller: Caller) -> bool:
    elicitation = caller.capabilities.get("elicitation")
    return isinstance(elicitation, dict) and isinstance(elicitation.get("url"), dict)


def without_our_answer(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters without the answer to our own question."""
    given = params.get("inputResponses")
    if given is None:
        return params
    responses = msgspec.json.decode(given) if isinstance(given, msgspec.Raw) else given
    if not isinstance(responses, dict) or ANSWER_KEY not in responses:
        return params
    others = {key: value for key, value in responses.items() if key != ANSWER_KEY}
    rest = {key: value for key, value in params.items() if key != "inputResponses"}
    return {**rest, "inputResponses": others} if others else rest
