"""Counting tokens for a provider that has no such question."""

import msgspec

from app.core.passage import Passage
from app.extensions import Response
from app.gateway.ask import Ask
from app.gateway.render import json_response, trace_headers
from app.gateway.translation import estimated_tokens


def estimate(passage: Passage, ask: Ask) -> Response:
    """An answer that says it is an estimate."""
    answer = {"input_tokens": estimated_tokens(ask.body), "estimated": True}
    headers = trace_headers(passage.trace)
    return json_response(msgspec.json.encode(answer), headers)
