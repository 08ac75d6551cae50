"""The neutral words as a generateContent request (v1beta)."""

import re
from typing import Any
from urllib.parse import quote

from app.gateway.neutral import (
    Image,
    Message,
    Part,
    Request,
    Text,
    Thought,
    Tool,
    ToolResult,
    ToolUse,
    Written,
    untranslatable,
)
from app.gateway.neutral.arguments import arguments_of
from app.gateway.neutral.effort import budget_of, effort_of
from app.gateway.neutral.signatures import of_gemini, signed
from app.gateway.neutral.turns import ONE_TOOL, joined

UNSIGNED = "skip_thought_signature_validator"
"""What the vendor documents for calls of functions whose signature nobody kept."""
STOPS_LIMIT = 5
_OLD = re.compile(r"(models/)?gemini-[12]\b")
"""Models that reason by a budget, check no signatures and get no pictures from tools."""
_MODES = {"auto": "AUTO", "any": "ANY", "none": "NONE", "tool": "ANY"}


def place(request: Request) -> str:
    """Where the request goes: the model is part of the address."""
    method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    return f"/v1beta/models/{quote(request.model.removeprefix('models/'), safe='')}:{method}"


def write_request(request: Request) -> Written:
    """The members of the request; InputError for what this format cannot express."""
    if len(request.stop) > STOPS_LIMIT:
        raise untranslatable(f"more than {STOPS_LIMIT} stop sequences")
    kept, hints = signed(request.messages, of_gemini)
    old = _OLD.match(request.model) is not None
    contents = Contents(old=old)
    written: dict[str, Any] = {"contents": [contents.write(turn) for turn in joined(_as_words(kept))]}
    system = [text.text for text in request.system]
    if request.tools:
        written["tools"] = [{"functionDeclarations": [_tool(tool) for tool in request.tools]}]
        calling = _calling(request)
        if calling:
            written["toolConfig"] = {"functionCallingConfig": calling}
        if request.parallel is False:
            system.append(ONE_TOOL)
    if system:
        written["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    thinking = _thinking(request, old)
    if request.thinking is not None and request.thinking.off and thinking is None:
        hints.append("no reasoning")
    settings = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "topK": request.top_k,
        "stopSequences": list(request.stop) or None,
        "seed": request.seed,
        "thinkingConfig": thinking,
        "responseMimeType": "application/json" if request.format else None,
        "responseJsonSchema": request.format.schema if request.format else None,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    if settings:
        written["generationConfig"] = settings
    return Written(members=written, hints=tuple(hints))


def _as_words(messages: list[Message]) -> list[Message]:
    """Orders in mid-conversation are words of the user here."""
    return [
        Message(role="user", parts=(Text(text="System message:"), *message.parts))
        if message.role == "system"
        else message
        for message in messages
    ]


def _thinking(request: Request, old: bool) -> dict[str, Any] | None:
    """None where nothing was asked, and where a model may not be told to do without."""
    wanted = request.thinking
    if wanted is None:
        return None
    if wanted.off:
        return {"thinkingBudget": 0} if old and "flash" in request.model else None
    if old:
        return {"thinkingBudget": min(budget_of(wanted), 24576), "includeThoughts": True}
    return {"thinkingLevel": (effort_of(wanted) or "high").upper(), "includeThoughts": True}


class Contents:
    """Writes turns; results of tools are told under the name of the tool that was called before them."""

    def __init__(self, *, old: bool) -> None:
        self._old = old
        self._names: dict[str, str] = {}

    def write(self, message: Message) -> dict[str, Any]:
        """One turn; a signature belongs to the call that follows it, and the first call of a turn must have one."""
        parts: list[dict[str, Any]] = []
        signature, first = "", True
        for part in message.parts:
            if isinstance(part, Thought):
                signature = of_gemini(part.signature)
            elif isinstance(part, ToolUse):
                signature = signature or ("" if self._old or not first else UNSIGNED)
                parts.append(self._call(part, signature))
                signature, first = "", False
            else:
                parts.append(self._part(part))
        return {"role": "model" if message.role == "assistant" else "user", "parts": parts}

    def _call(self, use: ToolUse, signature: str) -> dict[str, Any]:
        self._names[use.id] = use.name
        call = {"id": use.id, "name": use.name, "args": arguments_of(use)}
        return {"functionCall": call} | ({"thoughtSignature": signature} if signature else {})

    def _part(self, part: Part) -> dict[str, Any]:
        match part:
            case Text():
                return {"text": part.text}
            case Image():
                return _picture(part)
            case ToolResult():
                return {"functionResponse": self._result(part)}
            case _:
                raise untranslatable("such content in a message")

    def _result(self, result: ToolResult) -> dict[str, Any]:
        name = self._names.get(result.id)
        if name is None:
            raise untranslatable("result of a tool that was not called before")
        text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
        pictures = [_picture(part) for part in result.parts if isinstance(part, Image)]
        if pictures and self._old:
            raise untranslatable("picture in the result of a tool")
        response = {"error" if result.failed else "output": text}
        told: dict[str, Any] = {"id": result.id, "name": name, "response": response}
        return told | ({"parts": pictures} if pictures else {})


def _picture(image: Image) -> dict[str, Any]:
    if image.url:
        raise untranslatable("picture by its address")
    return {"inlineData": {"mimeType": image.media_type, "data": image.data}}


def _tool(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "parametersJsonSchema": tool.schema}


def _calling(request: Request) -> dict[str, Any] | None:
    """How functions may be called; strict tools are a matter of the whole request here."""
    kind = request.choice.kind if request.choice else "auto"
    if kind == "auto" and any(tool.strict for tool in request.tools):
        return {"mode": "VALIDATED"}
    if request.choice is None:
        return None
    only = {"allowedFunctionNames": [request.choice.name]} if kind == "tool" else {}
    return {"mode": _MODES[kind], **only}
