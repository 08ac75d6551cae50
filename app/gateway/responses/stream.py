"""The stream of a response: its events as neutral pieces, and neutral pieces as its events."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.neutral import (
    Broken,
    Finish,
    Piece,
    Start,
    TextPiece,
    ThoughtPiece,
    Tool,
    ToolPiece,
    ToolStart,
    ToolUse,
)
from app.gateway.neutral.pieces import understanding
from app.gateway.neutral.signatures import kept_alone
from app.gateway.neutral.words import Stop
from app.gateway.responses.answer import (
    ending,
    free_text,
    head,
    message_item,
    reasoning_item,
    status_of,
    stop_of,
    text_part,
    use_item,
    use_of,
    write_usage,
)
from app.gateway.sse import Event


class ResponsePieces:
    """Reads a provider's events. A tool use is told when it is whole: only then its arguments are certain."""

    def __init__(self) -> None:
        self._uses = 0

    def read(self, event: Event, usage: Usage | None) -> list[Piece]:
        """The pieces of one event; UpstreamError when it cannot be understood."""
        if event.data is None:
            return []
        with understanding():
            return self._read(msgspec.json.decode(event.data), usage)

    def _read(self, event: dict[str, Any], usage: Usage | None) -> list[Piece]:
        match event["type"]:
            case "response.created":
                response = event["response"]
                return [Start(id=str(response.get("id", "")), model=str(response.get("model", "")))]
            case "response.output_text.delta" | "response.refusal.delta":
                return [TextPiece(str(event["delta"]))]
            case "response.reasoning_summary_text.delta":
                return [ThoughtPiece(text=str(event["delta"]))]
            case "response.output_item.done" if event["item"]["type"] in (
                "function_call",
                "custom_tool_call",
            ):
                return self._use(use_of(event["item"]))
            case "response.completed" | "response.incomplete":
                stop = stop_of(event["response"], used=self._uses > 0)
                return [Finish(stop=stop), Finish(usage=usage, last=True)]
            case "response.failed":
                error = event["response"].get("error") or {}
                return [Broken(message=str(error.get("message", "")))]
            case "error":
                return [Broken(message=str(event.get("message", "")))]
            case _:
                return []

    def _use(self, use: ToolUse) -> list[Piece]:
        number, self._uses = self._uses, self._uses + 1
        return [
            ToolStart(number=number, id=use.id, name=use.name),
            ToolPiece(number=number, arguments=use.arguments),
        ]


class ResponseStream:
    """Writes events for a client of this dialect; `tools` are its tools by name.

    Tool uses are told one after the other once the next item begins, because pieces of several may come mixed.
    """

    def __init__(self, *, tools: Mapping[str, Tool] = MappingProxyType({})) -> None:
        self._tools = tools
        self._number = -1
        self._id = self._model = ""
        self._output: list[dict[str, Any]] = []
        self._open: TextItem | ThoughtItem | None = None
        self._uses: dict[int, tuple[ToolStart, list[str]]] = {}
        self._stop: Stop = "end"

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """The bytes for these pieces."""
        return b"".join(self._write(piece) for piece in pieces)

    def _write(self, piece: Piece) -> bytes:
        match piece:
            case Start():
                self._id, self._model = piece.id, piece.model
                response = head(self._id, self._model, "in_progress")
                return self._event("response.created", response=response) + self._event(
                    "response.in_progress", response=response
                )
            case TextPiece():
                return self._grow(TextItem, piece.text)
            case ThoughtPiece():
                return self._think(piece)
            case ToolStart():
                written = self._close()
                self._uses[piece.number] = (piece, [])
                return written
            case ToolPiece():
                self._uses[piece.number][1].append(piece.arguments)
                return b""
            case Finish():
                return self._finish(piece)
            case Broken():
                return b""

    def _grow(self, kind: "type[TextItem | ThoughtItem]", text: str) -> bytes:
        written = b""
        if not isinstance(self._open, kind):
            written = self._close() + self._told()
            self._open = kind(identity=f"{self._id}-{len(self._output)}", index=len(self._output))
            written += self._events(self._open.begin())
        return written + self._events(self._open.grow(text))

    def _think(self, piece: ThoughtPiece) -> bytes:
        kept = kept_alone(piece.signature)
        written = self._grow(ThoughtItem, piece.text) if piece.text or kept else b""
        if kept and isinstance(self._open, ThoughtItem):
            self._open.kept = kept
        return written

    def _close(self) -> bytes:
        item, self._open = self._open, None
        if item is None:
            return b""
        self._output.append(item.whole())
        return self._events(item.end())

    def _told(self) -> bytes:
        uses, self._uses = self._uses, {}
        return b"".join(self._use(start, "".join(parts)) for start, parts in uses.values())

    def _use(self, start: ToolStart, arguments: str) -> bytes:
        index = len(self._output)
        use = ToolUse(id=start.id, name=start.name, arguments=arguments)
        item = use_item(f"{self._id}-{index}", use, self._tools.get(start.name))
        free = item["type"] == "custom_tool_call"
        self._output.append(item)
        member = "input" if free else "arguments"
        place = {"output_index": index, "item_id": item["id"]}
        kind = f"response.{'custom_tool_call_input' if free else 'function_call_arguments'}"
        value = free_text(arguments) if free else arguments
        begun = item | {"status": "in_progress", member: ""}
        return (
            self._event("response.output_item.added", output_index=index, item=begun)
            + self._event(f"{kind}.delta", **place, delta=value)
            + self._event(f"{kind}.done", **place, **{member: value})
            + self._event("response.output_item.done", output_index=index, item=item)
        )

    def _finish(self, piece: Finish) -> bytes:
        written = b""
        if piece.stop is not None:
            self._stop = piece.stop
            written += self._close() + self._told()
        if piece.last:
            written += self._close() + self._told()
            status = status_of(self._stop)
            response = head(self._id, self._model, status) | {"output": self._output} | ending(self._stop)
            if piece.usage is not None:
                response["usage"] = write_usage(piece.usage)
            written += self._event(f"response.{status}", response=response)
        return written

    def _events(self, events: list[tuple[str, dict[str, Any]]]) -> bytes:
        return b"".join(self._event(name, **members) for name, members in events)

    def _event(self, name: str, **members: Any) -> bytes:
        self._number += 1
        data = msgspec.json.encode({"type": name, "sequence_number": self._number, **members})
        return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


class TextItem:
    """A message under way."""

    def __init__(self, *, identity: str, index: int) -> None:
        self._identity, self._text = identity, ""
        self._item = {"output_index": index}
        self._place = {"item_id": f"msg_{identity}", "output_index": index, "content_index": 0}

    def begin(self) -> list[tuple[str, dict[str, Any]]]:
        """Its first events."""
        item = message_item(self._identity, [], "in_progress")
        return [
            ("response.output_item.added", self._item | {"item": item}),
            ("response.content_part.added", self._place | {"part": text_part("")}),
        ]

    def grow(self, text: str) -> list[tuple[str, dict[str, Any]]]:
        """More of it."""
        self._text += text
        return [("response.output_text.delta", self._place | {"delta": text, "logprobs": []})]

    def end(self) -> list[tuple[str, dict[str, Any]]]:
        """Its last events."""
        return [
            ("response.output_text.done", self._place | {"text": self._text, "logprobs": []}),
            ("response.content_part.done", self._place | {"part": text_part(self._text)}),
            ("response.output_item.done", self._item | {"item": self.whole()}),
        ]

    def whole(self) -> dict[str, Any]:
        """The item."""
        return message_item(self._identity, [text_part(self._text)], "completed")


class ThoughtItem:
    """Reasoning under way."""

    def __init__(self, *, identity: str, index: int) -> None:
        self._identity, self._text = identity, ""
        self._item = {"output_index": index}
        self._place = {"item_id": f"rs_{identity}", "output_index": index, "summary_index": 0}
        self.kept = ""
        """What the client keeps of it and gives back unread."""

    def begin(self) -> list[tuple[str, dict[str, Any]]]:
        """Its first events."""
        part = {"type": "summary_text", "text": ""}
        return [
            ("response.output_item.added", self._item | {"item": reasoning_item(self._identity, "")}),
            ("response.reasoning_summary_part.added", self._place | {"part": part}),
        ]

    def grow(self, text: str) -> list[tuple[str, dict[str, Any]]]:
        """More of it."""
        self._text += text
        return [("response.reasoning_summary_text.delta", self._place | {"delta": text})]

    def end(self) -> list[tuple[str, dict[str, Any]]]:
        """Its last events."""
        part = {"type": "summary_text", "text": self._text}
        return [
            ("response.reasoning_summary_text.done", self._place | {"text": self._text}),
            ("response.reasoning_summary_part.done", self._place | {"part": part}),
            ("response.output_item.done", self._item | {"item": self.whole()}),
        ]

    def whole(self) -> dict[str, Any]:
        """The item."""
        return reasoning_item(self._identity, self._text, self.kept)
