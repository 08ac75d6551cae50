"""What routes look at in a request, in any client's dialect."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.config.gateway.models import When

BYTES_A_TOKEN = 4
_IMAGES = frozenset(("image", "image_url", "input_image"))
_OFF = frozenset(("none", "disabled"))


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """The traits of one request; `tokens` is an estimate."""

    images: bool = False
    tools: bool = False
    thinking: bool = False
    stream: bool = False
    tokens: int = 0

    def fit(self, when: When) -> bool:
        """Whether everything that is asked about the request is so."""
        return (
            when.images in (None, self.images)
            and when.tools in (None, self.tools)
            and when.thinking in (None, self.thinking)
            and when.stream in (None, self.stream)
            and (when.longer_than is None or self.tokens > when.longer_than)
        )


def read_traits(members: Mapping[str, Any], *, size: int, stream: bool) -> Traits:
    """The traits of a request of `size` bytes."""
    return Traits(
        images=_holds_image([members.get("messages"), members.get("input"), members.get("system")]),
        tools=bool(members.get("tools") or members.get("functions")),
        thinking=_thinks(members),
        stream=stream,
        tokens=size // BYTES_A_TOKEN,
    )


def _holds_image(parts: list[Any]) -> bool:
    while parts:
        part = parts.pop()
        if isinstance(part, list):
            parts.extend(part)
        elif isinstance(part, dict):
            if part.get("type") in _IMAGES:
                return True
            parts.extend(value for value in part.values() if isinstance(value, list | dict))
    return False


def _thinks(members: Mapping[str, Any]) -> bool:
    thinking, reasoning = members.get("thinking"), members.get("reasoning")
    if isinstance(thinking, dict) and thinking.get("type") not in _OFF:
        return True
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else members.get("reasoning_effort")
    return bool(effort) and effort not in _OFF
