"""The stream of a chat completion: its chunks as neutral pieces, and neutral pieces as its chunks."""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.chat.answer import REASONS, STOPS, head, write_usage
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
from app.gateway.sse import Event


class ChatPieces:
    """Reads a provider's chunks; `usage` is asked for once the chunk that tells it was seen."""

    def __init__(self) -> None:
        self._begun = False
        self._numbers: dict[Any, int] = {}

    def read(self, event: Event, usage: Usage | None) -> list[Piece]:
        """The pieces of one event; UpstreamError when it cannot be understood."""
        if event.data is None:
            return []
        if event.data.strip() == b"[DONE]":
            return [Finish(usage=usage, last=True)]
        with understanding():
            chunk = msgspec.json.decode(event.data)
            return self._chunk(chunk)

    def _chunk(self, chunk: dict[str, Any]) -> list[Piece]:
        if chunk.get("error") is not None:
            error = chunk["error"]
            return [Broken(message=str(error.get("message", "")) if isinstance(error, dict) else str(error))]
        pieces: list[Piece] = []
        if not self._begun:
            self._begun = True
            pieces.append(Start(id=str(chunk.get("id", "")), model=str(chunk.get("model", ""))))
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue  # only one answer was asked for
            pieces += self._delta(choice.get("delta") or {})
            reason = choice.get("finish_reason")
            if reason:
                pieces.append(Finish(stop=STOPS.get(str(reason), "end")))
        return pieces

    def _delta(self, delta: dict[str, Any]) -> list[Piece]:
        pieces: list[Piece] = []
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            pieces.append(ThoughtPiece(text=str(thought)))
        pieces += [TextPiece(str(delta[name])) for name in ("content", "refusal") if delta.get(name)]
        for call in delta.get("tool_calls") or ():
            key = call.get("index", call.get("id"))
            function = call.get("function") or {}
            if key not in self._numbers:
                self._numbers[key] = len(self._numbers)
                start = ToolStart(
                    number=self._numbers[key],
                    id=str(call.get("id") or ""),
                    name=str(function.get("name") or ""),
                )
                pieces.append(start)
            if function.get("arguments"):
                pieces.append(ToolPiece(number=self._numbers[key], arguments=str(function["arguments"])))
        return pieces


class ChatStream:
    """Writes chunks for a client of this dialect."""

    def __init__(self, *, usage_wanted: bool) -> None:
        self._usage_wanted = usage_wanted
        self._id = self._model = ""
        self._finished = False

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """The bytes for these pieces."""
        return b"".join(self._write(piece) for piece in pieces)

    def _write(self, piece: Piece) -> bytes:
        match piece:
            case Start():
                self._id, self._model = piece.id, piece.model
                return self._chunk({"role": "assistant", "content": ""})
            case TextPiece():
                return self._chunk({"content": piece.text})
            case ThoughtPiece():
                return self._chunk({"reasoning_content": piece.text}) if piece.text else b""
            case ToolStart():
                function = {"name": piece.name, "arguments": ""}
                call = {"index": piece.number, "id": piece.id, "type": "function", "function": function}
                return self._chunk({"tool_calls": [call]})
            case ToolPiece():
                call = {"index": piece.number, "function": {"arguments": piece.arguments}}
                return self._chunk({"tool_calls": [call]})
            case Finish():
                return self._finish(piece)
            case Broken():
                return b""

    def _finish(self, piece: Finish) -> bytes:
        written = b""
        if piece.stop is not None and not self._finished:
            self._finished = True
            written += self._chunk({}, finish=REASONS[piece.stop])
        if piece.last:
            if self._usage_wanted and piece.usage is not None:
                usage = {"choices": [], "usage": write_usage(piece.usage)}
                written += _event(head(self._id, self._model, "chat.completion.chunk") | usage)
            written += b"data: [DONE]\n\n"
        return written

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event(head(self._id, self._model, "chat.completion.chunk") | {"choices": [choice]})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
