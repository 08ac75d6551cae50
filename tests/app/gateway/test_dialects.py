"""What answers say, and which events of a stream may flow."""

import json

import pytest

from app.core.clock import SystemClock
from app.core.errors import UpstreamError
from app.core.usage import Usage
from app.gateway.dialects import ANTHROPIC, GEMINI, OPENAI, RESPONSES, Bedrock, Reader, Said, Seen
from app.gateway.sse import EventParser


def follow(reader: Reader, *events: object) -> list[Seen]:
    parser = EventParser()
    return [
        reader.see(seen)
        for event in events
        for seen in parser.feed(
            b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n"
        )
    ]


def delta(index: int = 0, finish: str | None = None, **members: object) -> dict:
    return {"choices": [{"index": index, "delta": members, "finish_reason": finish}]}


def call(arguments: str, name: str | None = None, index: int = 0) -> dict:
    return {"tool_calls": [{"index": index, "id": "c", "function": {"name": name, "arguments": arguments}}]}


def block(index: int, kind: str, **members: object) -> dict:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **members}}


def grown(index: int, text: str) -> dict:
    return {
        "type": "content_block_delta",
        "index": index,
        "delta": {"type": "input_json_delta", "partial_json": text},
    }


def test_cached_tokens_are_taken_out_of_openais_input():
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}}
    usage["completion_tokens_details"] = {"reasoning_tokens": 5}
    said = OPENAI.read(json.dumps({"choices": [], "usage": usage}).encode())
    assert said.spent(0) == Usage(input=40, output=7, cache_read=60, reasoning=5)


def test_anthropics_usage_is_cumulative_over_the_stream():
    reader = ANTHROPIC.reader()
    start = {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "output_tokens": 1,
    }
    follow(reader, {"type": "message_start", "message": {"usage": start}})
    cut = reader.said.spent(0)
    assert (cut.input, cut.estimated) == (10, True)
    follow(
        reader,
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 42}},
    )
    assert reader.said.spent(0) == Usage(input=10, output=42, cache_read=5, cache_write=3)


def test_unknown_usage_is_four_characters_a_token():
    reader = OPENAI.reader()
    follow(reader, delta(content="12345678"), delta(content="9"))
    assert reader.said.spent(400) == Usage(input=101, output=3, estimated=True)


def test_openai_tool_calls_are_held_until_all_choices_are_whole():
    reader = OPENAI.reader()
    seen = follow(
        reader,
        delta(content="text"),
        delta(**call("", "a")),
        delta(1, **call('{"x"', "b")),
        delta(**call("{}")),
        delta(finish="tool_calls"),
        delta(1, **call(":1}")),
        delta(1, finish="tool_calls"),
        b"[DONE]",
    )
    held = [Seen.HOLD] * 5
    assert seen == [Seen.FLOW, *held, Seen.JUDGE, Seen.END]
    assert [(tool.name, tool.read()) for tool in reader.take()] == [("a", {}), ("b", {"x": 1})]


def test_a_tool_call_that_grows_after_its_verdict_is_refused():
    reader = OPENAI.reader()
    assert follow(reader, delta(**call("{}", "a"), finish="tool_calls")) == [Seen.JUDGE]
    reader.take()
    with pytest.raises(UpstreamError, match="grew"):
        follow(reader, delta(**call('{"evil":1}')))
    other = ANTHROPIC.reader()
    follow(other, block(0, "tool_use", name="a"), grown(0, "{}"), {"type": "content_block_stop", "index": 0})
    other.take()
    with pytest.raises(UpstreamError, match="grew"):
        follow(other, grown(0, '{"evil":1}'))


def test_the_old_function_call_and_custom_tools_are_tool_uses_too():
    reader = OPENAI.reader()
    follow(reader, delta(function_call={"name": "old", "arguments": '{"a":1}'}))
    follow(
        reader,
        delta(tool_calls=[{"index": 0, "type": "custom", "custom": {"name": "free", "input": "text"}}]),
    )
    assert {tool.name: tool.read() for tool in reader.take()} == {"old": {"a": 1}, "free": {"input": "text"}}


def test_pings_flow_while_an_anthropic_tool_use_is_held():
    reader = ANTHROPIC.reader()
    seen = follow(
        reader,
        block(0, "tool_use", id="t", name="look", input={}),
        {"type": "ping"},
        grown(0, '{"at":'),
        grown(0, '"sky"}'),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop"},
    )
    assert seen == [Seen.HOLD, Seen.FLOW, Seen.HOLD, Seen.HOLD, Seen.JUDGE, Seen.END]
    [tool] = reader.take()
    assert (tool.name, tool.read(), tool.by) == ("look", {"at": "sky"}, "client")


def test_tools_that_the_provider_used_itself_are_told_apart():
    said = ANTHROPIC.read(b'{"content":[{"type":"server_tool_use","name":"web_search","input":{"q":"x"}}]}')
    assert [(tool.by, tool.name, tool.read()) for tool in said.tools] == [
        ("provider", "web_search", {"q": "x"})
    ]


NO_UTF8 = (
    b'{"type": "\xff", "choices": [{"finish_reason": "\xff"}], "candidates": [{"finishReason": "\xff"}]}'
)
SHAPELESS = b'{"choices": {}, "type": {}, "candidates": {}}'


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", SHAPELESS, b"\xff", NO_UTF8])
@pytest.mark.parametrize("dialect", [OPENAI, RESPONSES, ANTHROPIC, GEMINI])
def test_an_event_that_cannot_be_understood_is_never_let_through(dialect, data: bytes):
    with pytest.raises(UpstreamError):
        follow(dialect.reader(), data)


def test_an_event_named_otherwise_than_its_data_is_never_let_through():
    event = EventParser().feed(b'event: ping\ndata: {"type":"content_block_start"}\n\n')[0]
    with pytest.raises(UpstreamError):
        ANTHROPIC.reader().see(event)


def called(**members: object) -> dict:
    return {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}", **members}


def item(kind: str, index: int, value: dict) -> dict:
    return {"type": f"response.output_item.{kind}", "output_index": index, "item": value}


def test_a_response_holds_a_tool_use_until_it_is_whole() -> None:
    reader = RESPONSES.reader()
    grows = {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"}
    text = {"type": "response.output_text.delta", "output_index": 0, "delta": "so"}
    seen = follow(
        reader, text, item("added", 1, called(arguments="")), grows, text, item("done", 1, called())
    )
    assert seen == [Seen.FLOW, Seen.HOLD, Seen.HOLD, Seen.HOLD, Seen.JUDGE]
    assert [(tool.id, tool.name, tool.by) for tool in reader.take()] == [("c1", "read", "client")]


def test_tool_uses_that_only_the_last_event_tells_are_judged_too() -> None:
    reader = RESPONSES.reader()
    follow(reader, item("added", 0, called()), item("done", 0, called()))
    assert len(reader.take()) == 1
    last = {"output": [called(), called(arguments='{"path": "/etc"}')], "status": "completed"}
    assert follow(reader, {"type": "response.completed", "response": last}) == [Seen.END]
    assert [tool.arguments for tool in reader.take()] == ['{"path": "/etc"}']


def test_an_item_of_a_kind_that_nobody_knows_is_a_tool_use() -> None:
    reader = RESPONSES.reader()
    novel = {"type": "teleport_call", "id": "t1", "action": {"to": "moon"}}
    assert follow(reader, item("added", 0, novel), item("done", 0, novel)) == [Seen.HOLD, Seen.JUDGE]
    assert [(tool.name, tool.arguments) for tool in reader.take()] == [("teleport_call", {"to": "moon"})]


def test_a_tool_use_that_grows_outside_its_item_or_ends_as_words_is_not_understood() -> None:
    grows = {"type": "response.function_call_arguments.delta", "output_index": 3, "delta": "{}"}
    with pytest.raises(UpstreamError):
        follow(RESPONSES.reader(), grows)
    reader = RESPONSES.reader()
    follow(reader, item("added", 0, called()))
    with pytest.raises(UpstreamError):
        follow(reader, item("done", 0, {"type": "message", "content": []}))


def part(name: str | None = None, **members: object) -> dict:
    return {"functionCall": {"name": name, "args": members}} if name else {"text": "so", **members}


def answered(*parts: dict, reason: str | None = None, **members: object) -> dict:
    return {"candidates": [{"content": {"parts": list(parts)}, "finishReason": reason}], **members}


def test_each_call_of_geminis_is_whole_and_judged_with_its_event() -> None:
    reader = GEMINI.reader()
    usage = {"promptTokenCount": 9, "cachedContentTokenCount": 4, "candidatesTokenCount": 3}
    seen = follow(
        reader,
        answered(part(thought=True)),
        answered(part("look", at="sky"), part("look", at="sky"), responseId="r/1"),
        answered(reason="STOP", usageMetadata={**usage, "thoughtsTokenCount": 2}),
    )
    assert seen == [Seen.FLOW, Seen.JUDGE, Seen.JUDGE]
    assert [(tool.id, tool.name, tool.read()) for tool in reader.take()] == [
        ("call_r-1_0", "look", {"at": "sky"}),
        ("call_r-1_1", "look", {"at": "sky"}),
    ]
    assert reader.said.text == []
    assert reader.said.spent(0) == Usage(input=5, output=5, cache_read=4, reasoning=2)


def test_usage_before_the_end_is_an_estimate() -> None:
    reader = GEMINI.reader()
    follow(reader, answered(part(), usageMetadata={"promptTokenCount": 7, "candidatesTokenCount": 1}))
    assert reader.said.spent(0) == Usage(input=7, output=1, estimated=True)


def test_what_gemini_ran_itself_is_a_tool_use_of_the_provider() -> None:
    said = GEMINI.read(json.dumps(answered({"executableCode": {"code": "1"}}, reason="STOP")).encode())
    assert [(tool.name, tool.by) for tool in said.tools] == [("executableCode", "provider")]


def test_an_answer_of_bedrocks_is_read_with_its_cached_tokens() -> None:
    usage = {"inputTokens": 5, "outputTokens": 3, "cacheReadInputTokens": 2, "cacheWriteInputTokens": 1}
    content = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"text": "so"},
        {"toolUse": {"toolUseId": "t", "name": "look", "input": {"at": "sky"}}},
        {"toolUse": {"toolUseId": "u", "name": "search", "input": {}, "type": "server_tool_use"}},
    ]
    body = {"output": {"message": {"content": content}}, "stopReason": "tool_use", "usage": usage}
    said = Bedrock(region="x", clock=SystemClock()).read(json.dumps(body).encode())
    assert [(tool.id, tool.name, tool.read(), tool.by) for tool in said.tools] == [
        ("t", "look", {"at": "sky"}, "client"),
        ("u", "search", {}, "provider"),
    ]
    assert (said.text, said.stop) == (["so"], "tool_use")
    assert said.spent(0) == Usage(input=5, output=3, cache_read=2, cache_write=1)


def test_what_usage_says_of_tiers_caches_and_images_is_told_alike():
    body = {
        "content": [],
        "usage": {
            "input_tokens": 3, "output_tokens": 4, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 6,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
            "service_tier": "priority",
        },
    }  # fmt: skip
    said = ANTHROPIC.read(json.dumps(body).encode())
    assert said.usage == Usage(
        input=3, output=4, cache_read=6, cache_write=50, cache_write_long=30, service="priority"
    )
    chat = {"choices": [], "service_tier": "flex", "usage": {"prompt_tokens": 5, "completion_tokens": 6}}
    assert OPENAI.read(json.dumps(chat).encode()).usage == Usage(input=5, output=6, service="flex")
    items = [{"type": "image_generation_call", "id": "a"}, {"type": "message", "content": []}]
    answer = {
        "status": "completed", "output": items, "service_tier": "default",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }  # fmt: skip
    assert RESPONSES.read(json.dumps(answer).encode()).usage == Usage(input=1, output=2, images=1)


def test_counts_that_cannot_be_are_bounded():
    said = Said(
        usage=Usage(input=-5, output=7, reasoning=10**40, cache_write=2, cache_write_long=3), counted=True
    )
    assert said.spent(0) == Usage(input=0, output=7, reasoning=7, cache_write=2, cache_write_long=2)
    assert Said(usage=Usage(input=10**40), counted=True).spent(0).input == 10**12
