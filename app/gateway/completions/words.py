"""A legacy completion in the neutral words: one prompt of text is one turn of the user, nothing else is faithful."""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.core.errors import InputError, UpstreamError
from app.gateway.chat.answer import REASONS, head, write_usage
from app.gateway.neutral import (
    Answer,
    Finish,
    Message,
    Piece,
    Reading,
    Request,
    Start,
    Text,
    TextPiece,
    ToolPiece,
    ToolStart,
    ToolUse,
    untranslatable,
)

DEFAULT_TOKENS = 16
"""What this API generates at most when a request does not say."""
_NO_TOOLS = UpstreamError("The provider's answer uses a tool, and none was offered.", kind="protocol")
_NEUTRAL = {
    "best_of": 1,
    "echo": False,
    "frequency_penalty": 0,
    "logit_bias": {},
    "n": 1,
    "presence_penalty": 0,
    "suffix": "",
}


def read_request(members: dict[str, Any]) -> Request:
    """The neutral request; InputError for several prompts, tokens, `suffix`, `echo`, `logprobs` and their like."""
    request = Reading(members, "")
    stop = request.take("stop", str, list, default=[])
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    if not all(isinstance(item, str) for item in stops):
        raise InputError("`stop` must be strings.", code="invalid_shape")
    stream = request.take("stream", bool, default=False)
    options = request.within("stream_options")
    usage_wanted = False
    if options is not None:
        usage_wanted = options.take("include_usage", bool, default=False)
        options.hint("include_obfuscation")
        options.end()
    read = Request(
        model=request.text("model"),
        messages=(Message(role="user", parts=(Text(text=_prompt(request)),)),),
        max_tokens=request.take("max_tokens", int, default=DEFAULT_TOKENS),
        temperature=request.take("temperature", int, float),
        top_p=request.take("top_p", int, float),
        stop=stops,
        seed=request.take("seed", int),
        stream=stream,
        usage_wanted=usage_wanted,
    )
    request.hint("user")
    request.end(neutral=_NEUTRAL)
    return msgspec.structs.replace(read, hints=tuple(request.hints))


def write_answer(answer: Answer) -> dict[str, Any]:
    """A `text_completion`; reasoning has no place in it."""
    if any(isinstance(part, ToolUse) for part in answer.parts):
        raise _NO_TOOLS
    text = "".join(part.text for part in answer.parts if isinstance(part, Text))
    written = _object(answer.id, answer.model, text, REASONS[answer.stop])
    if answer.usage is not None:
        written["usage"] = write_usage(answer.usage)
    return written


class CompletionStream:
    """Writes chunks for a client of this API."""

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
                return b""
            case TextPiece():
                return _event(_object(self._id, self._model, piece.text, None))
            case ToolStart() | ToolPiece():
                raise _NO_TOOLS
            case Finish():
                return self._finish(piece)
            case _:
                return b""

    def _finish(self, piece: Finish) -> bytes:
        written = b""
        if piece.stop is not None and not self._finished:
            self._finished = True
            written += _event(_object(self._id, self._model, "", REASONS[piece.stop]))
        if piece.last:
            if self._usage_wanted and piece.usage is not None:
                usage = {"choices": [], "usage": write_usage(piece.usage)}
                written += _event(head(self._id, self._model, "text_completion") | usage)
            written += b"data: [DONE]\n\n"
        return written


def _prompt(request: Reading) -> str:
    prompt = request.take("prompt", str, list)
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str) and prompt:
        return prompt
    if isinstance(prompt, list) and prompt:
        raise untranslatable("several prompts, or prompts of tokens, at once")
    raise InputError("`prompt` must be a text.", code="invalid_shape")


def _object(identity: str, model: str, text: str, finish: str | None) -> dict[str, Any]:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
    return head(identity, model, "text_completion") | {"choices": [choice]}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
