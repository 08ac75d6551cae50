"""Counting tokens for a provider that has no such question."""

import msgspec
from aiohttp import web

from app.core.passage import Passage
from app.gateway.ask import Ask
from app.gateway.render import trace_headers
from app.gateway.translation import estimated_tokens


def estimate(passage: Passage, ask: Ask) -> web.Response:
    """An answer that says it is an estimate."""
    answer = {"input_tokens": estimated_tokens(ask.body), "estimated": True}
    headers = trace_headers(passage.trace)
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json", headers=headers)
