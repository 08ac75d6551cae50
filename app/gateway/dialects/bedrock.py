"""Amazon Bedrock Converse: answers, event stream frames, signed requests."""

from typing import Any

import msgspec

from app.core.clock import Clock
from app.core.errors import ConfigError
from app.core.usage import Usage
from app.gateway.dialects.blocks import ToolBlocks
from app.gateway.dialects.dialect import Headers, Said, Seen, Sent, ToolUse, decoded, unreadable
from app.gateway.dialects.frames import EXCEPTION, FrameParser
from app.gateway.dialects.sigv4 import parse_keys, sign
from app.gateway.sse import Event

REFUSALS = frozenset(("guardrail_intervened", "content_filtered"))
ENDINGS = REFUSALS | {
    *("end_turn", "tool_use", "max_tokens", "model_context_window_exceeded", "stop_sequence"),
}
"""Reasons to stop that leave an answer; all others, and those to come, are failures of the model."""


class _Use(msgspec.Struct, rename="camel"):
    tool_use_id: str = ""
    name: str = ""
    input: Any = None
    type: str | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    text: str | None = None
    reasoning_text: "_Reasoning | None" = None


class _Block(msgspec.Struct, rename="camel"):
    """A block of an answer; as `delta`, more of one."""

    text: str | None = None
    tool_use: _Use | None = None
    reasoning_content: _Reasoning | None = None


class _Usage(msgspec.Struct, rename="camel"):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


class _Message(msgspec.Struct):
    content: list[_Block]


class _Output(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct, rename="camel"):
    output: _Output
    stop_reason: str
    usage: _Usage | None = None


class _Event(msgspec.Struct, rename="camel"):
    content_block_index: int = -1
    start: _Block | None = None
    delta: _Block | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None


_READ_EVENT = msgspec.json.Decoder(_Event).decode
_READ_ANSWER = msgspec.json.Decoder(_Answer).decode


class Bedrock:
    """The dialect of the Converse API in one region."""

    name = "bedrock"
    headers = (("content-type", "application/json"), ("accept", "*/*"))
    stream_type = "application/vnd.amazon.eventstream"

    def __init__(self, *, region: str, clock: Clock) -> None:
        self._region, self._clock = region, clock

    def frames(self) -> FrameParser:
        """A parser for one stream."""
        return FrameParser()

    def reader(self) -> "BedrockReader":
        """A reader for one stream."""
        return BedrockReader()

    def read(self, body: bytes) -> Said:
        """What the answer to Converse says."""
        answer = decoded(_READ_ANSWER, body)
        usage = _usage(answer.usage)
        said = Said(usage=usage, stop=answer.stop_reason, complete=True, counted=usage is not None)
        for block in answer.output.message.content:
            _say(said, block)
            if block.tool_use is not None:
                said.tools.append(_tool(block.tool_use))
                said.characters += len(str(block.tool_use.input))
        return said

    def credential(self, key: str, sent: Sent) -> Headers:
        """A signature under `ID:SECRET[:TOKEN]`, or an API key of Bedrock's as a bearer token."""
        if ":" not in key:
            return (("authorization", f"Bearer {key}"),)
        keys = parse_keys(key)
        if keys is None:
            raise ConfigError(
                "The key for Bedrock is neither ID:SECRET[:TOKEN] nor an API key.",
                remedy="Write the access key's id, a colon and its secret; for a temporary one a colon and its token.",
            )
        typed = [(name, value) for name, value in sent.headers if name == "content-type"]
        bare = msgspec.structs.replace(sent, headers=typed[-1:])
        return sign(keys, bare, method="POST", scope=(self._region, "bedrock"), at=self._clock.now())


class BedrockReader:
    """Follows the events of ConverseStream; usage comes after the reason to stop."""

    def __init__(self) -> None:
        self.said = Said()
        self._blocks = ToolBlocks(self.said)
        self.take = self._blocks.take

    def see(self, event: Event) -> Seen:
        """What to do with the next event."""
        if event.name.startswith(EXCEPTION):
            return Seen.FAIL
        told = decoded(_READ_EVENT, event.data or b"{}")
        return self._follow(event.name, told)

    def _follow(self, name: str, told: _Event) -> Seen:
        index = told.content_block_index
        match name:
            case "contentBlockDelta":
                delta = told.delta or _Block()
                _say(self.said, delta)
                if delta.tool_use is not None:
                    self._blocks.grow(index, str(delta.tool_use.input or ""))
            case "contentBlockStart":
                use = told.start.tool_use if told.start else None
                return self._blocks.begin(index, _tool(use) if use else None)
            case "contentBlockStop":
                return self._blocks.end(index)
            case "messageStop":
                self.said.stop, self.said.complete = told.stop_reason or "", True
                if self.said.stop not in ENDINGS:
                    return Seen.FAIL
            case "metadata":
                self.said.usage = _usage(told.usage)
                self.said.counted = self.said.usage is not None
                return Seen.END if self.said.complete else self._blocks.now()
            case "messageStart":
                pass
            case _:
                raise unreadable(ValueError(f"an event of the type {name[:40]!r}"))
        return self._blocks.now()


def _say(said: Said, block: _Block) -> None:
    said.add(block.text or "")
    reasoning = block.reasoning_content
    if reasoning is not None:
        said.characters += len((reasoning.reasoning_text or reasoning).text or "")


def _tool(use: _Use) -> ToolUse:
    arguments = use.input if isinstance(use.input, dict) else str(use.input or "")
    by = "provider" if use.type else "client"
    return ToolUse(id=use.tool_use_id, name=use.name, arguments=arguments, by=by)


def _usage(usage: _Usage | None) -> Usage | None:
    """Cached input stands beside the rest."""
    if usage is None:
        return None
    return Usage(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_read=usage.cache_read_input_tokens or 0,
        cache_write=usage.cache_write_input_tokens or 0,
    )
