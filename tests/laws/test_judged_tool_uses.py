"""Whatever a provider sends, and in whatever order: what a client can put together has been judged."""

import json
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import SystemClock
from app.core.errors import UpstreamError
from app.gateway.dialects import ANTHROPIC, GEMINI, OPENAI, Bedrock, Seen, Wire
from app.gateway.sse import Event, EventParser

FRAGMENTS = st.sampled_from(["", "{", '"a":', "1", "}", "{}", '{"a":1}'])
NAMES = st.sampled_from(["", "x", "y"])
SMALL = st.integers(0, 2)

CALLS = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"arguments": FRAGMENTS}, optional={"name": NAMES})},
    optional={"index": SMALL, "id": NAMES},
)
CHOICES = st.fixed_dictionaries(
    {
        "index": SMALL,
        "delta": st.fixed_dictionaries(
            {}, optional={"content": NAMES, "tool_calls": st.lists(CALLS, max_size=3)}
        ),
    },
    optional={"finish_reason": st.sampled_from(["tool_calls", "stop", None])},
)
OPENAI_EVENTS = st.one_of(
    st.fixed_dictionaries({"choices": st.lists(CHOICES, max_size=2)}),
    st.just("[DONE]"),
    st.just({"error": {}}),
)

BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "server_tool_use"]), "name": NAMES},
    optional={"input": st.sampled_from([{}, {"b": 2}])},
)
DELTAS = st.one_of(
    st.fixed_dictionaries({"type": st.just("input_json_delta"), "partial_json": FRAGMENTS}),
    st.fixed_dictionaries({"type": st.just("text_delta"), "text": NAMES}),
)
ANTHROPIC_EVENTS = st.one_of(
    st.fixed_dictionaries({"type": st.just("content_block_start"), "index": SMALL, "content_block": BLOCKS}),
    st.fixed_dictionaries({"type": st.just("content_block_delta"), "index": SMALL, "delta": DELTAS}),
    st.fixed_dictionaries({"type": st.just("content_block_stop"), "index": SMALL}),
    st.sampled_from(
        [{"type": "ping"}, {"type": "message_stop"}, {"type": "error"}, {"type": "message_start"}]
    ),
)


USES = st.fixed_dictionaries({"toolUse": st.fixed_dictionaries({"toolUseId": NAMES, "name": NAMES})})
BEDROCK_EVENTS = st.one_of(
    st.tuples(st.just("contentBlockStart"), SMALL, st.fixed_dictionaries({"start": USES})),
    st.tuples(
        st.just("contentBlockDelta"),
        SMALL,
        st.one_of(
            FRAGMENTS.map(lambda text: {"delta": {"toolUse": {"input": text}}}),
            st.just({"delta": {"text": "x"}}),
        ),
    ),
    st.tuples(st.just("contentBlockStop"), SMALL, st.just({})),
    st.sampled_from(
        [("messageStop", 0, {"stopReason": "end_turn"}), ("metadata", 0, {}), ("exception/gone", 0, {})]
    ),
)
PARTS = st.one_of(
    st.just({"text": "x"}),
    NAMES.map(lambda name: {"functionCall": {"name": name, "args": {"a": name}}}),
    st.just({"functionCall": {"name": "x", "args": {}, "willContinue": True}}),
)
GEMINI_EVENTS = st.builds(
    lambda parts, reason: {"candidates": [{"content": {"parts": parts}, "finishReason": reason}]},
    st.lists(PARTS, max_size=3),
    st.sampled_from([None, None, "STOP", "NOVEL"]),
)


def passed(dialect: Wire, events: list) -> tuple[list, list[tuple[str, str]]]:
    """The events that a client gets when everything is permitted, and the tool uses that were judged."""
    reader = dialect.reader()
    out: list = []
    held: list = []
    judged: list[tuple[str, str]] = []
    for event in events:
        read = _read(event)
        try:
            seen = reader.see(read)
        except UpstreamError:
            break
        if seen is Seen.FLOW and not held:
            out.append(event)
        elif seen in (Seen.JUDGE, Seen.END):
            judged += [(tool.name, _text(tool.arguments)) for tool in reader.take()]
            out += [*held, event]
            held = []
        elif seen is not Seen.FAIL:
            held.append(event)
        if seen in (Seen.END, Seen.FAIL):
            break
    return out, judged


def _read(event: object) -> Event:
    if isinstance(event, tuple):
        name, index, members = event
        return Event(b"", name, json.dumps({"contentBlockIndex": index, **members}).encode())
    text = event if isinstance(event, str) else json.dumps(event)
    [read] = EventParser().feed(f"data: {text}\n\n".encode())
    return read


def _text(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


@pytest.mark.slow
@settings(max_examples=400)
@given(st.lists(OPENAI_EVENTS, max_size=12))
def test_openai_clients_put_together_judged_tool_calls_only(events: list):
    out, judged = passed(OPENAI, events)
    names: dict = defaultdict(str)
    arguments: dict = defaultdict(str)
    for event in out:
        for choice in event["choices"] if isinstance(event, dict) else ():
            for call in choice["delta"].get("tool_calls", ()):
                if "index" in call:
                    key = choice["index"], call["index"]
                    names[key] += call["function"].get("name", "")
                    arguments[key] += call["function"]["arguments"]
    for key, text in arguments.items():
        assert (names[key], text) in judged


@settings(max_examples=400)
@given(st.lists(ANTHROPIC_EVENTS, max_size=14))
def test_anthropic_clients_put_together_judged_tool_uses_only(events: list):
    out, judged = passed(ANTHROPIC, events)
    blocks: dict[int, tuple[dict, str]] = {}
    for event in out:
        index = event.get("index")
        if event["type"] == "content_block_start":
            blocks[index] = (event["content_block"], "")
        elif event["type"] == "content_block_delta" and "partial_json" in event["delta"] and index in blocks:
            block, text = blocks[index]
            blocks[index] = (block, text + event["delta"]["partial_json"])
        elif event["type"] == "content_block_stop" and index in blocks:
            block, text = blocks.pop(index)
            if block["type"] != "text":
                assert (block["name"], text or json.dumps(block.get("input", "")).strip('"')) in judged


@settings(max_examples=150)
@given(st.lists(BEDROCK_EVENTS, max_size=14))
def test_what_bedrock_says_is_put_together_of_judged_tool_uses_only(events: list):
    out, judged = passed(Bedrock(region="x", clock=SystemClock()), events)
    blocks: dict[int, tuple[str, str]] = {}
    for kind, index, members in out:
        if kind == "contentBlockStart":
            blocks[index] = (members["start"]["toolUse"]["name"], "")
        elif kind == "contentBlockDelta" and "toolUse" in members["delta"]:
            name, text = blocks[index]
            blocks[index] = (name, text + members["delta"]["toolUse"]["input"])
        elif kind == "contentBlockStop" and index in blocks:
            assert blocks.pop(index) in judged


@settings(max_examples=150)
@given(st.lists(GEMINI_EVENTS, max_size=8))
def test_what_gemini_says_calls_judged_functions_only(events: list):
    out, judged = passed(GEMINI, events)
    for event in out:
        for part in event["candidates"][0]["content"]["parts"]:
            if "functionCall" in part:
                call = part["functionCall"]
                assert (call["name"], json.dumps(call["args"])) in judged
