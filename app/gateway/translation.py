"""Between a client of one dialect and a provider of another: faithful both ways, or refused."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from app.core.usage import Usage
from app.gateway import bedrock, chat, completions, gemini, messages, responses
from app.gateway.dialects import Dialect, Wire
from app.gateway.dialects.dialect import decoded
from app.gateway.neutral import Answer, Broken, Finish, Piece, Request, Start, Tool, Written, untranslatable
from app.gateway.sse import Event

_MEMBERS = msgspec.json.Decoder(dict[str, Any]).decode
Said = TypeVar("Said", Answer, Start)
ESTIMATE = 4
"""Bytes a token, where nobody counts."""


class Pieces(Protocol):
    """Reads a provider's stream."""

    def read(self, event: Event, usage: Usage | None) -> list[Piece]:
        """The pieces of one event."""
        ...


class Stream(Protocol):
    """Writes a client's stream."""

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """The bytes for these pieces."""
        ...


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect must have for its clients to be translated."""

    read_request: Callable[[dict[str, Any]], Request]
    write_answer: Callable[[Answer, Request], dict[str, Any]]
    stream: Callable[[Request], Stream]


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """What a dialect must have to be translated into; `place` is where a request goes, below the base URL."""

    place: Callable[[Request], str]
    write_request: Callable[[Request], Written]
    read_answer: Callable[[dict[str, Any], Usage | None], Answer]
    pieces: Callable[[], Pieces]


def by_name(request: Request) -> dict[str, Tool]:
    """The client's tools by name."""
    return {tool.name: tool for tool in request.tools}


CLIENTS: Mapping[str, Client] = {
    "openai": Client(
        read_request=chat.read_request,
        write_answer=lambda answer, request: chat.write_answer(answer),
        stream=lambda request: chat.ChatStream(usage_wanted=request.usage_wanted),
    ),
    "openai-completions": Client(
        read_request=completions.read_request,
        write_answer=lambda answer, request: completions.write_answer(answer),
        stream=lambda request: completions.CompletionStream(usage_wanted=request.usage_wanted),
    ),
    "openai-responses": Client(
        read_request=responses.read_request,
        write_answer=lambda answer, request: responses.write_answer(answer, by_name(request)),
        stream=lambda request: responses.ResponseStream(tools=by_name(request)),
    ),
    "anthropic": Client(
        read_request=messages.read_request,
        write_answer=lambda answer, request: messages.write_answer(answer),
        stream=lambda request: messages.MessageStream(),
    ),
}
PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        place=lambda request: "/chat/completions",
        write_request=chat.write_request,
        read_answer=chat.read_answer,
        pieces=chat.ChatPieces,
    ),
    "openai-responses": Provider(
        place=lambda request: "/responses",
        write_request=responses.write_request,
        read_answer=responses.read_answer,
        pieces=responses.ResponsePieces,
    ),
    "anthropic": Provider(
        place=lambda request: "/v1/messages",
        write_request=messages.write_request,
        read_answer=messages.read_answer,
        pieces=messages.MessagePieces,
    ),
    "gemini": Provider(
        place=gemini.place,
        write_request=gemini.write_request,
        read_answer=gemini.read_answer,
        pieces=gemini.GeminiPieces,
    ),
    "bedrock": Provider(
        place=bedrock.place,
        write_request=bedrock.write_request,
        read_answer=bedrock.read_answer,
        pieces=bedrock.BedrockPieces,
    ),
}


class Translation:
    """One request's way to another dialect and its answer's way back."""

    def __init__(self, members: dict[str, Any], *, client: Dialect, provider: Wire, model: str) -> None:
        """InputError, code `untranslatable`, when something would be lost."""
        self.client, self.provider = client, provider
        if client.name not in CLIENTS:
            raise untranslatable(f"{client.name.rpartition('-')[2]}")
        self._into, self._from = PROVIDERS[provider.name], CLIENTS[client.name]
        self._asked = self._from.read_request(members)
        request = msgspec.structs.replace(self._asked, model=model)
        written = self._into.write_request(request)
        self.path = self._into.place(request)
        self.body = msgspec.json.encode(written.members)
        self.sent_headers = (*provider.headers, *written.headers)
        self.left = (*self._asked.hints, *written.hints)
        """Hints that this provider does not get; they are named to the client and in the record."""
        self.headers = {"x-sallyport-dialect": provider.name}
        if self.left:
            self.headers["x-sallyport-left-out"] = ", ".join(self.left)[:1024]
        self._pieces = self._into.pieces()
        self._stream = self._from.stream(self._asked)
        self._ended = False

    def answer(self, body: bytes, usage: Usage | None) -> bytes:
        """A whole answer; UpstreamError when the provider's cannot be understood."""
        read = self._into.read_answer(decoded(_MEMBERS, body), usage)
        return msgspec.json.encode(self._from.write_answer(self._named(read), self._asked))

    def event(self, event: Event, usage: Usage | None, trace_id: str) -> bytes:
        """What the client gets for an event of the provider's stream; often nothing."""
        pieces = self._pieces.read(event, usage)
        broken = [piece for piece in pieces if isinstance(piece, Broken)]
        if broken:
            return self.client.error_event(
                status=502, message=broken[0].message, code="upstream_error", trace_id=trace_id
            )
        self._ended = self._ended or any(isinstance(piece, Finish) and piece.last for piece in pieces)
        return self._stream.write(
            [self._named(piece) if isinstance(piece, Start) else piece for piece in pieces]
        )

    def ending(self, usage: Usage | None) -> bytes:
        """What the client needs to end, when the provider's stream stopped without its last event."""
        return b"" if self._ended else self._stream.write([Finish(usage=usage, last=True)])

    def failure(self, status: int, body: bytes, trace_id: str) -> bytes:
        """The provider's own error in the client's shape."""
        message = said_in(body) or f"The provider answered {status}."
        return self.client.error(status=status, message=message, code="upstream_status", trace_id=trace_id)

    def _named(self, told: Said) -> Said:
        """The client's name of the model; and an id, where the provider's answers have none."""
        identity = told.id or f"answer-{hashlib.sha256(self.body).hexdigest()[:24]}"
        return msgspec.structs.replace(told, model=self._asked.model, id=identity)


def said_in(body: bytes) -> str:
    """The message of a provider's error body, of whichever dialect; empty when it has none."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    told = told[0] if isinstance(told, list) and told else told
    error = told.get("error", told) if isinstance(told, dict) else None
    message = error.get("message") or error.get("Message") if isinstance(error, dict) else error
    return str(message)[:4096] if message else ""


def estimated_tokens(body: bytes) -> int:
    """What a request may count, for a provider that cannot be asked."""
    return len(body) // ESTIMATE + 1


__all__ = ["CLIENTS", "PROVIDERS", "Translation", "estimated_tokens", "said_in"]
