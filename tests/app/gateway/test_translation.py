"""Each cell of the page about translation, and the corners of answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import InputError, UpstreamError
from app.core.usage import Usage
from app.gateway.bedrock.answer import STOPS
from app.gateway.dialects.bedrock import ENDINGS
from app.gateway.sse import parse
from app.gateway.translation import Translation, said_in
from tests.app.gateway.features import (
    DIALECTS,
    FEATURES,
    HELLO,
    PAIRS,
    SCHEMA,
    WIRES,
    cell,
    chat,
    message,
    table,
)
from tests.app.gateway.features import translated as translation

PAGE = Path(__file__).parents[3] / "docs" / "developers" / "translation.md"
TOOL = {"name": "f", "input_schema": SCHEMA}
USAGE = Usage(input=10, output=5, cache_read=3, cache_write=2, reasoning=1)


@pytest.mark.parametrize(("client", "provider"), PAIRS)
@pytest.mark.parametrize("feature", FEATURES)
def test_the_page_says_what_becomes_of_it(feature: str, client: str, provider: str) -> None:
    row = next(
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {feature} |")
    )
    assert row.split(" | ")[1 + PAIRS.index((client, provider))].rstrip(" |") == cell(
        feature, client, provider
    )


def test_the_page_holds_the_whole_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "members",
    [
        message(messages="hello"),
        message(messages=[7]),
        message(messages=[{"role": "user", "content": [{"type": "text", "text": 7}]}]),
        message(max_tokens="many"),
        message(max_tokens=True),
        message(tools={"name": "f"}),
    ],
)
def test_wrong_types_are_told_from_what_cannot_be_translated(members: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        translation(members, "anthropic", "openai")
    assert refused.value.code == "invalid_shape"


def test_arguments_that_two_parsers_could_read_differently_are_refused() -> None:
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1,"a":2}'}}
    with pytest.raises(InputError, match="arguments of a call of the tool 'f'"):
        translation(
            chat(messages=[{"role": "assistant", "content": None, "tool_calls": [called]}]),
            "openai",
            "anthropic",
        )


def test_cached_tokens_are_part_of_the_prompt_in_one_format_and_beside_it_in_the_other() -> None:
    said = {"id": "m1", "content": [{"type": "text", "text": "a"}], "stop_reason": "max_tokens"}
    answer = json.loads(translation(chat(), "openai", "anthropic").answer(json.dumps(said).encode(), USAGE))
    assert answer["usage"]["prompt_tokens"] == 15
    assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}
    assert (answer["model"], answer["choices"][0]["finish_reason"]) == ("m", "length")
    told = {"id": "c1", "choices": [{"message": {"content": "a"}, "finish_reason": "length"}]}
    back = json.loads(translation(message(), "anthropic", "openai").answer(json.dumps(told).encode(), USAGE))
    assert back["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 3,
        "output_tokens": 5,
    }
    assert (back["model"], back["stop_reason"]) == ("m", "max_tokens")


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"tool_calls": [{}]}}]}', b"<html>"]
)
def test_an_answer_that_is_none_is_the_providers_failure(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        translation(message(), "anthropic", "openai").answer(body, None)


def test_a_refusal_is_one_in_the_other_format() -> None:
    told = {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}
    back = json.loads(translation(message(), "anthropic", "openai").answer(json.dumps(told).encode(), None))
    assert (back["content"], back["stop_reason"]) == ([{"type": "text", "text": "No."}], "refusal")


def test_tool_uses_that_come_interleaved_are_told_one_after_the_other() -> None:
    way = translation(message(stream=True), "anthropic", "openai")

    def chunk(finish: str | None = None, **delta: Any) -> bytes:
        told = {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        text = b"data: " + json.dumps(told).encode() + b"\n\n"
        return way.event(parse(text, text), USAGE, "t")

    def part(index: int, arguments: str, **more: Any) -> dict[str, Any]:
        return {"index": index, "function": {"name": "f", "arguments": arguments}, **more}

    out = chunk(tool_calls=[part(0, '{"a"', id="x"), part(1, '{"b"', id="y")])
    out += chunk(tool_calls=[part(1, ":2}"), part(0, ":1}")]) + chunk("tool_calls")
    text = b"data: [DONE]\n\n"
    out += way.event(parse(text, text), USAGE, "t")
    events = [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: ")]
    starts = [one["content_block"]["id"] for one in events if one["type"] == "content_block_start"]
    pieces: dict[int, str] = {}
    for one in events:
        if one["type"] == "content_block_delta":
            pieces[one["index"]] = pieces.get(one["index"], "") + one["delta"]["partial_json"]
    assert (starts, pieces) == (["x", "y"], {0: '{"a":1}', 1: '{"b":2}'})
    assert [one["type"] for one in events[-2:]] == ["message_delta", "message_stop"]


def test_the_message_of_any_error_body_is_found() -> None:
    assert said_in(b'{"error": {"message": "too long"}}') == "too long"
    assert said_in(b'{"error": "plain"}') == "plain"
    assert said_in(b'[{"error": {"message": "of an array"}}]') == "of an array"
    assert said_in(b'{"Message": "expired"}') == "expired"
    assert said_in(b"<html>") == said_in(b"\xff") == said_in(b"[]") == said_in(b"{}") == ""


def test_a_reason_to_stop_that_the_reader_lets_pass_is_one_that_clients_can_be_told() -> None:
    assert frozenset(STOPS) == ENDINGS


@pytest.mark.parametrize(
    ("provider", "place"), [("gemini", "/v1beta/models/a%2Fb%3A1"), ("bedrock", "/model/a%2Fb%3A1")]
)
def test_the_name_of_a_model_is_encoded_in_the_address(provider: str, place: str) -> None:
    way = Translation(chat(), client=DIALECTS["openai"], provider=WIRES[provider], model="a/b:1")
    assert way.path.startswith(place)


def test_older_models_of_geminis_reason_by_a_budget_and_need_no_signature() -> None:
    used = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    turns = [HELLO, {"role": "assistant", "content": [used]}, HELLO]
    asked = message(messages=turns, thinking={"type": "enabled", "budget_tokens": 30000})

    def sent(model: str) -> dict[str, Any]:
        way = Translation(asked, client=DIALECTS["anthropic"], provider=WIRES["gemini"], model=model)
        return json.loads(way.body)

    old, new = sent("gemini-2.5-flash"), sent("gemini-3-pro")
    assert old["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 24576, "includeThoughts": True}
    assert new["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "HIGH", "includeThoughts": True}
    assert [part.keys() for part in old["contents"][1]["parts"]] == [{"functionCall"}]
    assert new["contents"][1]["parts"][0]["thoughtSignature"] == "skip_thought_signature_validator"


def test_reasoning_goes_back_only_to_whose_signature_it_has() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "of-anthropic"}
    other = {**thought, "signature": "gemini:c2ln"}
    used = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    for kept, provider, left in ((thought, "bedrock", b"c2ln"), (other, "gemini", b"of-anthropic")):
        turns = [HELLO, {"role": "assistant", "content": [thought, other, used]}, HELLO]
        way = translation(message(messages=turns, tools=[TOOL]), "anthropic", provider)
        assert kept["signature"].removeprefix("gemini:").encode() in way.body
        assert left not in way.body
        assert way.left == ("reasoning of earlier turns",)


def test_a_result_of_a_tool_that_nobody_called_cannot_be_told_to_gemini() -> None:
    result = {"type": "tool_result", "tool_use_id": "nobodys", "content": "x"}
    with pytest.raises(InputError, match="not called before"):
        translation(message(messages=[{"role": "user", "content": [result]}]), "anthropic", "gemini")
