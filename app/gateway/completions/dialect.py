"""OpenAI legacy completions: answers and `text_completion` chunks, which never use a tool."""

import msgspec

from app.core.usage import Usage
from app.gateway.dialects import OPENAI, Headers, Said, Seen, Sent, ToolUse
from app.gateway.dialects.dialect import SSE, decoded
from app.gateway.sse import Event, EventParser


class _Choice(msgspec.Struct):
    text: str | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    reasoning_tokens: int | None = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: object = None


_DECODE = msgspec.json.Decoder(_Answer).decode


class Completions:
    """The dialect of completions; errors, credentials and pings are those of chat."""

    name = "openai-completions"
    ping = OPENAI.ping
    headers = ()
    stream_type = SSE

    def frames(self) -> EventParser:
        """A parser for one stream."""
        return EventParser()

    def reader(self) -> "CompletionsReader":
        """A reader for one stream."""
        return CompletionsReader()

    def read(self, body: bytes) -> Said:
        """What a `text_completion` says."""
        answer = decoded(_DECODE, body)
        said = Said(usage=_usage(answer.usage), complete=True, counted=answer.usage is not None)
        _say(said, answer)
        return said

    def credential(self, key: str, sent: Sent) -> Headers:
        """The key as a bearer token."""
        return OPENAI.credential(key, sent)

    def error(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """The same as of chat completions."""
        return OPENAI.error(status=status, message=message, code=code, trace_id=trace_id)

    def error_event(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """The same in mid-stream."""
        return OPENAI.error_event(status=status, message=message, code=code, trace_id=trace_id)


class CompletionsReader:
    """Text flows; there is nothing to be judged."""

    def __init__(self) -> None:
        self.said = Said()

    def see(self, event: Event) -> Seen:
        """What to do with the next event."""
        if event.data is None:
            return Seen.FLOW
        if event.data.strip() == b"[DONE]":
            self.said.complete = True
            return Seen.END
        chunk = decoded(_DECODE, event.data)
        if chunk.error is not None:
            return Seen.FAIL
        if chunk.usage is not None:
            self.said.usage, self.said.counted = _usage(chunk.usage), True
        _say(self.said, chunk)
        self.said.complete = self.said.complete or bool(self.said.stop)
        return Seen.FLOW

    def take(self) -> list[ToolUse]:
        """None."""
        return []


def _say(said: Said, answer: _Answer) -> None:
    for choice in answer.choices or ():
        said.add(choice.text or "")
        said.stop = choice.finish_reason or said.stop


def _usage(usage: _Usage | None) -> Usage | None:
    if usage is None:
        return None
    cached = (usage.prompt_tokens_details and usage.prompt_tokens_details.cached_tokens) or 0
    reasoning = (usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens) or 0
    fresh = max(0, (usage.prompt_tokens or 0) - cached)
    return Usage(input=fresh, output=usage.completion_tokens or 0, cache_read=cached, reasoning=reasoning)


COMPLETIONS = Completions()
