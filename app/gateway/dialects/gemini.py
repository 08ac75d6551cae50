"""Gemini generateContent (v1beta): answers, `alt=sse` events."""

import hashlib
import re
from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.dialects.dialect import SSE, Headers, Said, Seen, Sent, ToolUse, decoded, unreadable
from app.gateway.sse import Event, EventParser

REFUSALS = frozenset(
    (
        *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    )
)
"""Reasons to stop by which the provider withholds what the model would have said."""
ENDINGS = REFUSALS | {"STOP", "MAX_TOKENS"}
"""Reasons to stop that leave an answer; all others, and those to come, are failures of the model."""
KEY_REFUSED = b'"API_KEY_INVALID"'
"""What stands in an answer of 400 when it is the key that is no good."""
_WAIT = re.compile(rb'"retryDelay":\s*"(\d{1,6})(?:\.\d{1,9})?s"')
_PLAIN = frozenset(("text", "thought", "thoughtSignature", "functionCall"))
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    function_call: dict[str, Any] | None = None


class _Content(msgspec.Struct):
    parts: list[msgspec.Raw] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    index: int = 0
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


class _Answer(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    response_id: str | None = None
    error: Any = None


_DECODE = msgspec.json.Decoder(_Answer).decode
_READ_PART = msgspec.json.Decoder(_Part).decode
_READ_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Gemini:
    """The dialect of Google's generative language API."""

    name = "gemini"
    headers = (("content-type", "application/json"),)
    stream_type = SSE

    def frames(self) -> EventParser:
        """A parser for one stream."""
        return EventParser()

    def reader(self) -> "GeminiReader":
        """A reader for one stream."""
        return GeminiReader()

    def read(self, body: bytes) -> Said:
        """What a GenerateContentResponse says: the same as a stream of one event."""
        reader = GeminiReader()
        reader.see(Event(body, "", body))
        reader.take()
        reader.said.complete = True
        return reader.said

    def credential(self, key: str, sent: Sent) -> Headers:
        """The key in its own header, never in the address."""
        return (("x-goog-api-key", key),)


class GeminiReader:
    """Follows one stream: each call of a function comes whole, so each is judged with its event."""

    def __init__(self) -> None:
        self.said = Said()
        self._uses: list[ToolUse] = []
        self._number = 0

    def see(self, event: Event) -> Seen:
        """What to do with the next event."""
        if event.data is None:
            return Seen.FLOW
        answer = decoded(_DECODE, event.data)
        if answer.error is not None:
            return Seen.FAIL
        for candidate in answer.candidates or ():
            self._candidate(candidate, answer.response_id or "")
        blocked = answer.prompt_feedback.block_reason if answer.prompt_feedback else None
        if blocked:
            self.said.stop, self.said.complete = f"BLOCKED: {blocked}", True
        self._count(answer.usage_metadata)
        if self.said.complete and not blocked and self.said.stop not in ENDINGS:
            return Seen.FAIL
        return Seen.JUDGE if self._uses else Seen.FLOW

    def take(self) -> list[ToolUse]:
        """The tool uses not judged yet."""
        uses, self._uses = self._uses, []
        self.said.tools.extend(uses)
        return uses

    def _candidate(self, candidate: _Candidate, response_id: str) -> None:
        if candidate.index:
            raise unreadable(ValueError("an answer beside the one that was asked for"))
        for raw in (candidate.content and candidate.content.parts) or ():
            part = decoded(_READ_PART, raw)
            if part.thought:
                self.said.characters += len(part.text or "")
            else:
                self.said.add(part.text or "")
            tool = self._tool(part, raw, response_id)
            if tool is not None:
                self._uses.append(tool)
                self.said.characters += len(str(tool.arguments))
        if candidate.finish_reason:
            self.said.stop, self.said.complete = candidate.finish_reason, True

    def _tool(self, part: _Part, raw: msgspec.Raw, response_id: str) -> ToolUse | None:
        """A call of a function; a part of a kind that we do not know may be what the provider did itself."""
        call = part.function_call
        if call is None:
            kinds = [name for name in decoded(_READ_MEMBERS, raw) if name not in _PLAIN]
            if not kinds:
                return None
            return ToolUse(id="", name=kinds[0], arguments={kinds[0]: bytes(raw).decode()}, by="provider")
        if self.said.complete:
            raise unreadable(ValueError("a function is called after the end"))
        number, self._number = self._number, self._number + 1
        arguments = call_arguments(call)
        identity = call_id(call, response_id, number)
        return ToolUse(id=identity, name=str(call.get("name") or ""), arguments=arguments)

    def _count(self, told: _Usage | None) -> None:
        """Each event tells the usage so far; the one with the reason to stop tells all of it."""
        usage = _usage(told)
        if usage is not None:
            self.said.usage = usage
            self.said.counted = self.said.complete


def told_to_wait(body: bytes) -> Headers:
    """Google tells in the body how long to wait: the header that says so elsewhere."""
    found = _WAIT.search(body)
    return (("retry-after", str(int(found[1]) + 1)),) if found else ()


def call_arguments(call: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call of a function; UpstreamError when they are not whole."""
    arguments = call.get("args")
    if call.get("partialArgs") or call.get("willContinue") or not isinstance(arguments, dict | None):
        raise unreadable(ValueError("a function is called without whole arguments"))
    return arguments or {}


def call_id(call: dict[str, Any], response_id: str, number: int) -> str:
    """Its id; for models that give none one that no other call of the conversation has, unless it is the very same."""
    if call.get("id"):
        return str(call["id"])
    known = response_id or hashlib.sha256(msgspec.json.encode(call)).hexdigest()[:24]
    return f"call_{_UNSAFE.sub('-', known)[:40]}_{number}"


def _usage(usage: _Usage | None) -> Usage | None:
    """Cached tokens are part of the prompt here, thoughts stand beside what is said."""
    if usage is None or usage.prompt_token_count is None:
        return None
    cached = usage.cached_content_token_count or 0
    thoughts = usage.thoughts_token_count or 0
    given = usage.prompt_token_count + (usage.tool_use_prompt_token_count or 0)
    return Usage(
        input=max(0, given - cached),
        output=(usage.candidates_token_count or 0) + thoughts,
        cache_read=cached,
        reasoning=thoughts,
    )


GEMINI = Gemini()
