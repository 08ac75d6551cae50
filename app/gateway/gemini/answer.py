"""An answer of generateContent in the neutral words; a stream is several of them, each with more."""

from typing import Any

import msgspec

from app.core.canonical import canonical
from app.core.errors import UpstreamError
from app.core.usage import Usage
from app.gateway.dialects.dialect import unreadable
from app.gateway.dialects.gemini import ENDINGS, REFUSALS, call_arguments, call_id
from app.gateway.neutral import (
    Answer,
    Broken,
    Finish,
    Piece,
    Start,
    Text,
    TextPiece,
    Thought,
    ThoughtPiece,
    ToolPiece,
    ToolStart,
    ToolUse,
)
from app.gateway.neutral.pieces import understanding
from app.gateway.neutral.signatures import marked
from app.gateway.neutral.words import Stop
from app.gateway.sse import Event

_IGNORED = frozenset(("thought", "thoughtSignature"))


def read_answer(body: dict[str, Any], usage: Usage | None) -> Answer:
    """The answer of a provider; UpstreamError when it is none."""
    with understanding():
        reader = GeminiPieces()
        whole = Whole(usage)
        for piece in reader.pieces(body, usage):
            whole.add(piece)
        return whole.answer()


class Whole:
    """Puts an answer together from its pieces."""

    def __init__(self, usage: Usage | None) -> None:
        self._usage = usage
        self._id = ""
        self._parts: list[Text | Thought | ToolUse] = []
        self._stop: Stop | None = None

    def add(self, piece: Piece) -> None:
        """The next piece; UpstreamError when it says that there is no answer."""
        match piece:
            case Start():
                self._id = piece.id
            case TextPiece():
                self._parts.append(Text(text=piece.text))
            case ThoughtPiece():
                self._think(piece)
            case ToolStart():
                self._parts.append(ToolUse(id=piece.id, name=piece.name, arguments=""))
            case ToolPiece():
                begun = self._parts.pop()
                self._parts.append(msgspec.structs.replace(begun, arguments=piece.arguments))
            case Finish():
                self._stop = piece.stop
            case Broken():
                raise UpstreamError(piece.message, kind="protocol")

    def answer(self) -> Answer:
        """The answer; UpstreamError when nobody said how it ended."""
        if self._stop is None:
            raise unreadable(KeyError("finishReason"))
        return Answer(id=self._id, model="", parts=tuple(self._parts), stop=self._stop, usage=self._usage)

    def _think(self, piece: ThoughtPiece) -> None:
        """A signature ends the thoughts before it."""
        text = piece.text
        if self._parts and isinstance(before := self._parts[-1], Thought) and not before.signature:
            text = before.text + text
            self._parts.pop()
        self._parts.append(Thought(text=text, signature=piece.signature))


class GeminiPieces:
    """Reads a provider's events. None of them is known to be the last: the body ends."""

    def __init__(self) -> None:
        self._begun = False
        self._uses = 0

    def read(self, event: Event, usage: Usage | None) -> list[Piece]:
        """The pieces of one event; UpstreamError when it cannot be understood."""
        if event.data is None:
            return []
        with understanding():
            return self.pieces(msgspec.json.decode(event.data), usage)

    def pieces(self, answer: dict[str, Any], usage: Usage | None) -> list[Piece]:
        """The pieces of one answer or of a part of it."""
        if answer.get("error") is not None:
            return [Broken(message=str(answer["error"].get("message", "")))]
        response_id = str(answer.get("responseId") or "")
        pieces: list[Piece] = []
        if not self._begun:
            self._begun = True
            pieces.append(Start(id=response_id, model="", usage=usage))
        for candidate in answer.get("candidates") or ():
            for part in (candidate.get("content") or {}).get("parts") or ():
                pieces += self._part(part, response_id)
            if candidate.get("finishReason"):
                pieces.append(self._finish(candidate))
        if (answer.get("promptFeedback") or {}).get("blockReason"):
            pieces.append(Finish(stop="refusal"))
        return pieces

    def _part(self, part: dict[str, Any], response_id: str) -> list[Piece]:
        kind = next((name for name in part if name not in _IGNORED), "text")
        if kind == "text":
            text = str(part.get("text") or "")
            piece = ThoughtPiece(text=text) if part.get("thought") else TextPiece(text)
            return [piece] if text else []
        if kind != "functionCall":
            raise TypeError(f"a part of the kind {kind[:40]!r}")
        call = part["functionCall"]
        number, self._uses = self._uses, self._uses + 1
        signature = str(part.get("thoughtSignature") or "")
        pieces: list[Piece] = [ThoughtPiece(signature=marked(signature))] if signature else []
        identity = call_id(call, response_id, number)
        pieces.append(ToolStart(number=number, id=identity, name=str(call["name"])))
        arguments = canonical(call_arguments(call)).decode()
        return [*pieces, ToolPiece(number=number, arguments=arguments)]

    def _finish(self, candidate: dict[str, Any]) -> Finish | Broken:
        reason = str(candidate["finishReason"])
        if reason not in ENDINGS:
            told = str(candidate.get("finishMessage") or "no reason is told")[:1024]
            return Broken(message=f"The model gave no answer ({reason[:64]}: {told}).")
        if reason in REFUSALS:
            return Finish(stop="refusal")
        if reason == "MAX_TOKENS":
            return Finish(stop="max_tokens")
        return Finish(stop="tool_use" if self._uses else "end")
