"""The stream of an Anthropic message: its events as neutral pieces, and neutral pieces as its events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.messages.answer import REASONS, STOPS, head, write_usage
from app.gateway.neutral import (
    Broken,
    Finish,
    Piece,
    Start,
    TextPiece,
    ThoughtPiece,
    ToolPiece,
    ToolStart,
)
from app.gateway.neutral.pieces import understanding
from app.gateway.neutral.words import Stop
from app.gateway.sse import Event


class MessagePieces:
    """Reads a provider's events."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def read(self, event: Event, usage: Usage | None) -> list[Piece]:
        """The pieces of one event; UpstreamError when it cannot be understood."""
        if event.data is None:
            return []
        with understanding():
            return self._read(msgspec.json.decode(event.data), usage)

    def _read(self, event: dict[str, Any], usage: Usage | None) -> list[Piece]:
        match event["type"]:
            case "message_start":
                message = event["message"]
                return [
                    Start(id=str(message.get("id", "")), model=str(message.get("model", "")), usage=usage)
                ]
            case "content_block_start":
                return self._block(event["index"], event["content_block"])
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "message_delta":
                delta = event["delta"]
                stop = STOPS.get(str(delta.get("stop_reason")), "end")
                return [Finish(stop=stop, sequence=delta.get("stop_sequence"))]
            case "message_stop":
                return [Finish(usage=usage, last=True)]
            case "error":
                return [Broken(message=str(event["error"].get("message", "")))]
            case _:
                return []

    def _block(self, index: int, block: dict[str, Any]) -> list[Piece]:
        match block["type"]:
            case "text":
                return [TextPiece(block["text"])] if block.get("text") else []
            case "thinking":
                return [ThoughtPiece(text=block["thinking"])] if block.get("thinking") else []
            case "redacted_thinking":
                return []
            case "tool_use":
                number = self._numbers[index] = len(self._numbers)
                return [ToolStart(number=number, id=str(block["id"]), name=str(block["name"]))]
            case kind:
                raise TypeError(f"content of the type {str(kind)[:40]!r}")

    def _delta(self, index: int, delta: dict[str, Any]) -> list[Piece]:
        match delta["type"]:
            case "text_delta":
                return [TextPiece(str(delta["text"]))]
            case "thinking_delta":
                return [ThoughtPiece(text=str(delta["thinking"]))]
            case "signature_delta":
                return [ThoughtPiece(signature=str(delta["signature"]))]
            case "input_json_delta":
                return [ToolPiece(number=self._numbers[index], arguments=str(delta["partial_json"]))]
            case _:
                return []


class MessageStream:
    """Writes events for a client of this dialect: one block after the other, as its clients expect.

    Pieces of a tool use that come while another one is open are kept until that one is closed.
    """

    def __init__(self) -> None:
        self._index = -1
        self._open = ""
        self._tool = -1
        self._later: dict[int, tuple[ToolStart, list[str]]] = {}
        self._stop: Stop = "end"
        self._sequence: str | None = None

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """The bytes for these pieces."""
        return b"".join(self._write(piece) for piece in pieces)

    def _write(self, piece: Piece) -> bytes:
        match piece:
            case Start():
                usage = write_usage(piece.usage or Usage())
                ending = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
                return _event("message_start", message=head(piece.id, piece.model) | ending)
            case TextPiece():
                begun = self._begin("text", {"type": "text", "text": ""})
                return begun + self._delta({"type": "text_delta", "text": piece.text})
            case ThoughtPiece():
                return self._thought(piece)
            case ToolStart():
                return self._start(piece)
            case ToolPiece():
                return self._grow(piece)
            case Finish():
                return self._finish(piece)
            case Broken():
                return b""

    def _thought(self, piece: ThoughtPiece) -> bytes:
        written = self._begin("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        if piece.text:
            written += self._delta({"type": "thinking_delta", "thinking": piece.text})
        if piece.signature:
            written += self._delta({"type": "signature_delta", "signature": piece.signature})
        return written

    def _start(self, piece: ToolStart) -> bytes:
        if self._open == "tool_use":
            self._later[piece.number] = (piece, [])
            return b""
        self._tool = piece.number
        block = {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}}
        return self._begin("tool_use", block)

    def _grow(self, piece: ToolPiece) -> bytes:
        if piece.number in self._later:
            self._later[piece.number][1].append(piece.arguments)
            return b""
        return self._delta({"type": "input_json_delta", "partial_json": piece.arguments})

    def _finish(self, piece: Finish) -> bytes:
        written = b""
        if piece.stop is not None:
            self._stop, self._sequence = piece.stop, piece.sequence
            written += self._close()
        if piece.last:
            written += self._close()
            ending = {"stop_reason": REASONS[self._stop], "stop_sequence": self._sequence}
            usage = write_usage(piece.usage or Usage())
            written += _event("message_delta", delta=ending, usage=usage) + _event("message_stop")
        return written

    def _begin(self, kind: str, block: dict[str, Any]) -> bytes:
        """Open a block of this kind, unless one is open that goes on."""
        if self._open == kind and kind != "tool_use":
            return b""
        written = self._close()
        self._index += 1
        self._open = kind
        return written + _event("content_block_start", index=self._index, content_block=block)

    def _close(self) -> bytes:
        written = b""
        if self._open:
            self._open = ""
            written = _event("content_block_stop", index=self._index)
        later, self._later = self._later, {}
        for start, parts in later.values():
            written += self._start(start)
            written += self._delta({"type": "input_json_delta", "partial_json": "".join(parts)})
            self._open = ""
            written += _event("content_block_stop", index=self._index)
        return written

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._index, delta=delta)


def _event(name: str, **members: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode({"type": name, **members}) + b"\n\n"
