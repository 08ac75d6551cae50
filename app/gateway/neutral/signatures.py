"""Whose reasoning a signature stands for: no provider takes back another one's.

Anthropic's signatures are as they come, and Bedrock's models of Anthropic take the same ones. Gemini's are marked on
their way to a client, so that they are known when they come back.
"""

from collections.abc import Callable, Sequence

import msgspec

from app.gateway.neutral.words import Message, Thought

_GEMINI = "gemini:"


def marked(signature: str) -> str:
    """A signature of Gemini's, as clients get it."""
    return _GEMINI + signature


def of_gemini(signature: str) -> str:
    """The signature as Gemini gave it; empty when it is not Gemini's."""
    return signature.removeprefix(_GEMINI) if signature.startswith(_GEMINI) else ""


def kept_alone(signature: str) -> str:
    """A signature that stands for reasoning without its text, for clients that keep such: only Gemini's does."""
    return signature if of_gemini(signature) else ""


def of_anthropic(signature: str) -> str:
    """The signature, unless it is Gemini's."""
    return "" if signature.startswith(_GEMINI) else signature


def signed(messages: Sequence[Message], own: Callable[[str], str]) -> tuple[list[Message], list[str]]:
    """The messages without reasoning that the provider would not take back, and how that is named to the client."""
    kept: list[Message] = []
    for message in messages:
        parts = [part for part in message.parts if not isinstance(part, Thought) or own(part.signature)]
        if parts:
            kept.append(msgspec.structs.replace(message, parts=tuple(parts)))
    same = sum(len(message.parts) for message in kept) == sum(len(message.parts) for message in messages)
    return kept, [] if same else ["reasoning of earlier turns"]
