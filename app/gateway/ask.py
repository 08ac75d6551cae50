"""A view of an AI request; what travels on are the original bytes."""

import hashlib
import re
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Any

import msgspec

from app.core import jsonsafe
from app.core.errors import InputError

MODEL_LIMIT = 256
TOOLS_LIMIT = 256
_SKIP = re.compile(r"[ \t\n\r]*")
_RAW = JSONDecoder()


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway needs to know of a request, beside its bytes."""

    body: bytes
    members: dict[str, Any]
    model: str
    stream: bool
    max_tokens: int | None
    tools: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Hex digest of the very bytes."""
        return hashlib.sha256(self.body).hexdigest()


def read_ask(body: bytes) -> Ask:
    """Decode strictly and look; InputError says what cannot be accepted."""
    members = jsonsafe.decode_object(body)
    model = members.get("model")
    if not isinstance(model, str) or not model or len(model) > MODEL_LIMIT or not model.isprintable():
        raise InputError(
            "`model` must name a model.", remedy="GET /v1/models lists them.", code="model_missing"
        )
    stream = members.get("stream", False)
    if stream is not None and not isinstance(stream, bool):
        raise InputError("`stream` must be true or false.", code="invalid_shape")
    return Ask(
        body=body,
        members=members,
        model=model,
        stream=bool(stream),
        max_tokens=_limit(members),
        tools=tuple(_tool_names(members)),
    )


def with_model(body: bytes, name: str) -> bytes:
    """The same bytes with another model name at the exact place of the first; `body` was accepted by `read_ask`."""
    text = body.decode("utf-8")
    at = _space(text, 0) + 1
    while True:
        key, at = scanstring(text, _space(text, at) + 1, True)
        at = _space(text, _space(text, at) + 1)
        if key == "model":
            _, end = scanstring(text, at + 1, True)
            return (text[:at] + msgspec.json.encode(name).decode() + text[end:]).encode()
        _, at = _RAW.raw_decode(text, at)
        at = _space(text, at) + 1


def _space(text: str, at: int) -> int:
    found = _SKIP.match(text, at)
    return found.end() if found else at


def _limit(members: dict[str, Any]) -> int | None:
    for key in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
        value = members.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return None


def _tool_names(members: dict[str, Any]) -> list[str]:
    names: list[str] = []
    for key in ("tools", "functions"):
        offered = members.get(key)
        for tool in offered[:TOOLS_LIMIT] if isinstance(offered, list) else ():
            if isinstance(tool, dict):
                inner = tool.get(str(tool.get("type")))
                name = (inner if isinstance(inner, dict) else tool).get("name")
                names.append(str(name or tool.get("type"))[:128])
    return names
