"""The arguments of a tool use: text in some dialects, an object in others."""

import msgspec

from app.core import jsonsafe
from app.core.errors import InputError
from app.gateway.neutral.words import ToolUse


def arguments_of(use: ToolUse) -> msgspec.Raw:
    """The arguments as JSON; InputError when they are no object that everybody reads alike."""
    if not use.arguments.strip():
        return msgspec.Raw(b"{}")
    raw = use.arguments.encode()
    try:
        jsonsafe.decode_object(raw)
    except InputError as error:
        raise InputError(
            f"The arguments of a call of the tool {use.name[:128]!r} cannot be read: {error}",
            code="invalid_shape",
        ) from None
    return msgspec.Raw(raw)
