"""The pieces of an answer in the making, in the order in which a dialect's stream may tell them."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from app.core.usage import Usage
from app.gateway.dialects.dialect import unreadable
from app.gateway.neutral.words import Stop


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The answer begins; what is known of its usage so far."""

    id: str
    model: str
    usage: Usage | None = None


class TextPiece(msgspec.Struct, frozen=True):
    """More text."""

    text: str


class ThoughtPiece(msgspec.Struct, frozen=True, kw_only=True):
    """More reasoning, or the signature that ends it."""

    text: str = ""
    signature: str = ""


class ToolStart(msgspec.Struct, frozen=True, kw_only=True):
    """A tool use begins; `number` counts the tool uses of this answer from 0."""

    number: int
    id: str
    name: str


class ToolPiece(msgspec.Struct, frozen=True, kw_only=True):
    """More of a tool use's arguments, as JSON text."""

    number: int
    arguments: str


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Why it stopped, and what it used; either may come later in another one."""

    stop: Stop | None = None
    sequence: str | None = None
    usage: Usage | None = None
    last: bool = False


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's own error in mid-stream."""

    message: str


Piece = Start | TextPiece | ThoughtPiece | ToolStart | ToolPiece | Finish | Broken


@contextmanager
def understanding() -> Iterator[None]:
    """Around what reads a provider's answer: UpstreamError when it has not the shape that was read."""
    try:
        yield
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(error) from None
