"""The stream of ConverseStream in neutral pieces."""

from typing import Any

import msgspec

from app.core.usage import Usage
from app.gateway.bedrock.answer import STOPS, no_answer
from app.gateway.dialects.frames import EXCEPTION
from app.gateway.neutral import Broken, Finish, Piece, Start, TextPiece, ThoughtPiece, ToolPiece, ToolStart
from app.gateway.neutral.pieces import understanding
from app.gateway.sse import Event


class BedrockPieces:
    """Reads a provider's events; failures of it come as events too."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._stopped = False

    def read(self, event: Event, usage: Usage | None) -> list[Piece]:
        """The pieces of one event; UpstreamError when it cannot be understood."""
        with understanding():
            told = msgspec.json.decode(event.data or b"{}")
            if event.name.startswith(EXCEPTION):
                kind = event.name.removeprefix(EXCEPTION)
                return [Broken(message=f"{kind[:64]}: {str(told.get('message', ''))[:1024]}")]
            return self._read(event.name, told, usage)

    def _read(self, name: str, told: dict[str, Any], usage: Usage | None) -> list[Piece]:
        match name:
            case "messageStart":
                return [Start(id="", model="")]
            case "contentBlockStart":
                return self._begin(told["contentBlockIndex"], told.get("start") or {})
            case "contentBlockDelta":
                return self._grow(told["contentBlockIndex"], told["delta"])
            case "messageStop":
                self._stopped = True
                reason = str(told["stopReason"])
                return (
                    [Finish(stop=STOPS[reason])] if reason in STOPS else [Broken(message=no_answer(reason))]
                )
            case "metadata":
                return [Finish(usage=usage, last=True)] if self._stopped else []
            case _:
                return []

    def _begin(self, index: int, start: dict[str, Any]) -> list[Piece]:
        match start:
            case {"toolUse": use}:
                number = self._numbers[index] = len(self._numbers)
                return [ToolStart(number=number, id=str(use["toolUseId"]), name=str(use["name"]))]
            case _ if start:
                raise TypeError(f"a block of the kinds {sorted(start)[:3]}")
        return []

    def _grow(self, index: int, delta: dict[str, Any]) -> list[Piece]:
        match delta:
            case {"text": text}:
                return [TextPiece(str(text))]
            case {"toolUse": more}:
                return [ToolPiece(number=self._numbers[index], arguments=str(more["input"]))]
            case {"reasoningContent": {"text": text}}:
                return [ThoughtPiece(text=str(text))]
            case {"reasoningContent": {"signature": signature}}:
                return [ThoughtPiece(signature=str(signature))]
            case {"reasoningContent": {"redactedContent": _}}:
                return []
            case _:
                raise TypeError(f"a delta of the kinds {sorted(delta)[:3]}")
