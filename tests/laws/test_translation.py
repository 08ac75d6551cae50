"""Any answer, through the stream of one dialect, is the same answer in the stream of the other."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.core.usage import Usage
from app.gateway.neutral import (
    Answer,
    Finish,
    Piece,
    Start,
    Text,
    TextPiece,
    Thought,
    ThoughtPiece,
    ToolPiece,
    ToolStart,
    ToolUse,
)
from app.gateway.translation import PROVIDERS
from tests.app.gateway.features import PAIRS, SIDES, WIRES, chat, message, response, translated

REQUESTS = {
    "openai": chat(stream=True, stream_options={"include_usage": True}),
    "openai-responses": response(stream=True),
    "anthropic": message(stream=True),
    "gemini": {},
    "bedrock": {},
}
_words = st.text(min_size=1, max_size=12)
_arguments = st.dictionaries(st.text(max_size=5), st.integers() | _words, max_size=3).map(json.dumps)
_uses = st.lists(st.builds(ToolUse, id=_words, name=_words, arguments=_arguments), max_size=3)
_usage = st.builds(
    Usage, input=st.integers(0, 9999), output=st.integers(0, 9999), cache_read=st.integers(0, 9999)
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Reasoning, text, then tool uses, as providers give them."""
    thoughts = draw(st.lists(st.builds(Thought, text=_words), max_size=1))
    texts = draw(st.lists(st.builds(Text, text=_words), max_size=1))
    uses = draw(_uses)
    stop = "tool_use" if uses else draw(st.sampled_from(["end", "max_tokens", "refusal"]))
    return Answer(id="a", model="m", parts=(*thoughts, *texts, *uses), stop=stop, usage=draw(_usage))  # type: ignore[arg-type]


def pieces(answer: Answer, cut: int) -> list[Piece]:
    """The answer in pieces of so many characters."""
    told: list[Piece] = [Start(id=answer.id, model=answer.model)]
    number = 0
    for part in answer.parts:
        value = part.arguments if isinstance(part, ToolUse) else part.text
        bits = [value[at : at + cut] for at in range(0, len(value), cut)]
        if isinstance(part, ToolUse):
            told.append(ToolStart(number=number, id=part.id, name=part.name))
            told += [ToolPiece(number=number, arguments=bit) for bit in bits]
            number += 1
        elif isinstance(part, Thought):
            told += [ThoughtPiece(text=bit) for bit in bits]
        else:
            told += [TextPiece(bit) for bit in bits]
    return [*told, Finish(stop=answer.stop), Finish(usage=answer.usage, last=True)]


def folded(told: list[Piece]) -> dict[str, Any]:
    """What a stream says, however it was cut."""
    said: dict[str, Any] = {"text": "", "thought": "", "uses": {}, "stop": None, "last": 0}
    for piece in told:
        match piece:
            case TextPiece():
                said["text"] += piece.text
            case ThoughtPiece():
                said["thought"] += piece.text
            case ToolStart():
                said["uses"][piece.number] = [piece.id, piece.name, ""]
            case ToolPiece():
                said["uses"][piece.number][2] += piece.arguments
            case Finish():
                said["stop"] = said["stop"] or piece.stop
                said["last"] += piece.last
    said["uses"] = [(*use[:2], json.loads(use[2])) for use in said["uses"].values()]
    return said


def read(name: str, data: bytes, usage: Usage | None) -> list[Piece]:
    reader, parser = PROVIDERS[name].pieces(), WIRES[name].frames()
    return [piece for event in parser.feed(data) for piece in reader.read(event, usage)]


@given(answer=answers(), cut=st.integers(1, 9), pair=st.sampled_from(PAIRS), split=st.integers(1, 200))
def test_a_stream_says_the_same_in_both_dialects_however_it_is_cut(
    answer: Answer, cut: int, pair: tuple[str, str], split: int
) -> None:
    client, provider = pair
    theirs = SIDES[provider].stream(SIDES[provider].read_request(REQUESTS[provider]))
    data = theirs.write(pieces(answer, cut))
    way = translated(REQUESTS[client], client, provider)
    parser, ours = WIRES[provider].frames(), b""
    for at in range(0, len(data), split):
        for event in parser.feed(data[at : at + split]):
            ours += way.event(event, answer.usage, "trace")
    ours += way.ending(answer.usage)
    assert folded(read(client, ours, None)) == folded(pieces(answer, cut))
    assert way.ending(None) == b"" or provider == "gemini"  # whose streams have no last event


@given(answer=answers(), pair=st.sampled_from(PAIRS))
def test_a_whole_answer_says_the_same_in_both_dialects(answer: Answer, pair: tuple[str, str]) -> None:
    client, provider = pair
    way = translated(REQUESTS[client], client, provider)
    body = msgspec.json.encode(
        SIDES[provider].write_answer(answer, SIDES[provider].read_request(REQUESTS[provider]))
    )
    back = PROVIDERS[client].read_answer(json.loads(way.answer(body, answer.usage)), answer.usage)
    assert [_plain(part) for part in back.parts] == [_plain(part) for part in answer.parts]
    assert (back.stop, back.usage) == (answer.stop, answer.usage)


def _plain(part: object) -> object:
    return (part.id, part.name, json.loads(part.arguments)) if isinstance(part, ToolUse) else part
