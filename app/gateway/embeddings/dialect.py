"""OpenAI embeddings: vectors pass unread, as floats or base64; the usage is read."""

import msgspec

from app.core.usage import Usage
from app.gateway.dialects import OPENAI, Headers, Reader, Said, Sent
from app.gateway.dialects.dialect import SSE, decoded, unreadable
from app.gateway.sse import EventParser


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Answer(msgspec.Struct):
    usage: _Usage | None = None


_DECODE = msgspec.json.Decoder(_Answer).decode


class Embeddings:
    """The dialect of embeddings; errors and credentials are those of chat."""

    name = "openai-embeddings"
    ping = OPENAI.ping
    headers = ()
    stream_type = SSE

    def frames(self) -> EventParser:
        """Never asked for."""
        return EventParser()

    def reader(self) -> Reader:
        """UpstreamError: vectors come in one piece."""
        raise unreadable(ValueError("embeddings are no stream"))

    def read(self, body: bytes) -> Said:
        """What was used; nothing is generated."""
        usage = decoded(_DECODE, body).usage
        tokens = None if usage is None else usage.prompt_tokens or usage.total_tokens
        told = None if tokens is None else Usage(input=tokens)
        return Said(usage=told, complete=True, counted=told is not None)

    def credential(self, key: str, sent: Sent) -> Headers:
        """The key as a bearer token."""
        return OPENAI.credential(key, sent)

    def error(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """The same as of chat completions."""
        return OPENAI.error(status=status, message=message, code=code, trace_id=trace_id)

    def error_event(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """The same; there is no stream to end."""
        return OPENAI.error_event(status=status, message=message, code=code, trace_id=trace_id)


EMBEDDINGS = Embeddings()
