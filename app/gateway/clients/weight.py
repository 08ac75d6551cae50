"""How much a request may use at most, before anybody has counted it."""

from typing import Any, Literal

from app.gateway.ask import Ask
from app.gateway.completions.words import DEFAULT_TOKENS

OUTPUT_TOKENS = 8192
"""What a request without max_tokens may reserve."""
MOST_ANSWERS = 1024
Kind = Literal["answer", "text", "vectors"]
"""What a request asks for: an answer of a chat, the continuation of a text, or embeddings."""


def most(ask: Ask, kind: Kind) -> tuple[int, int]:
    """Bytes that stand for its input, three a token, and tokens that may be generated."""
    size = len(ask.body)
    if kind == "vectors":
        return _size(ask.members.get("input"), size), 0
    answers = max(_count(ask.members.get("n")), _count(ask.members.get("best_of")))
    if kind == "answer":
        return size, answers * (ask.max_tokens or OUTPUT_TOKENS)
    prompt = ask.members.get("prompt")
    prompts = max(1, len(prompt)) if isinstance(prompt, list) and not _is_tokens(prompt) else 1
    return _size(prompt, size), prompts * answers * (ask.max_tokens or DEFAULT_TOKENS)


def _size(given: Any, size: int) -> int:
    """Tokens that are given as numbers may take two bytes each, a digit and a comma."""
    inner = given[0] if isinstance(given, list) and given and isinstance(given[0], list) else given
    return size * 3 // 2 + 1 if isinstance(inner, list) and _is_tokens(inner) else size


def _is_tokens(given: list[Any]) -> bool:
    return bool(given) and isinstance(given[0], int)


def _count(value: Any) -> int:
    return min(max(1, value), MOST_ANSWERS) if isinstance(value, int) and not isinstance(value, bool) else 1
