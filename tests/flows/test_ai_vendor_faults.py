"""Gemini and Bedrock that lie or break: one clear error in the client's format, and nothing that was not judged."""

import json
import zlib

import pytest

from app.demo.bedrock_wire import error_event, frame
from tests.fix_gateway import gateway_site
from tests.simulators.raw_server import CLOSE, answer, raw_server

pytestmark = pytest.mark.slow
ASK = {"messages": [{"role": "user", "content": "hello there"}], "max_tokens": 50, "stream": True}
JSON, SSE = "application/json", "text/event-stream"
FRAMES = "application/vnd.amazon.eventstream"


def told(kind: str, **members: object) -> bytes:
    return frame({":message-type": "event", ":event-type": kind}, json.dumps(members).encode())


def chunk(*parts: object, reason: str = "") -> bytes:
    candidate = {"content": {"role": "model", "parts": parts}} | ({"finishReason": reason} if reason else {})
    return b"data: " + json.dumps({"candidates": [candidate]}).encode() + b"\n\n"


START = told("messageStart", role="assistant")
TEXT = told("contentBlockDelta", contentBlockIndex=0, delta={"text": "seen "})
USE = told("contentBlockStart", contentBlockIndex=1, start={"toolUse": {"toolUseId": "t", "name": "EVIL"}})
GROWS = told("contentBlockDelta", contentBlockIndex=1, delta={"toolUse": {"input": '{"x":"EVIL"}'}})
NO_UTF8 = frame({":message-type": "event", ":event-type": "messageStop"}, b'{"stopReason":"\xff"}')
WRONG = bytearray(TEXT)
WRONG[-1] ^= 1
GIANT = b"\xff\xff\xff\xff\0\0\0\0"
GIANT += zlib.crc32(GIANT).to_bytes(4, "big")
CALL = {"functionCall": {"name": "EVIL", "args": {"x": "EVIL"}}}

BEFORE = {
    "an array where events were asked for": ("gemini", JSON, b'[{"candidates": []}]', "upstream_protocol"),
    "an event that is an array": ("gemini", SSE, b'data: [{"candidates": []}]\n\n', "upstream_protocol"),
    "text that is no UTF-8": (
        "gemini",
        SSE,
        chunk({"text": "?"}).replace(b"?", b"\xff"),
        "upstream_protocol",
    ),
    "a second answer": ("gemini", SSE, b'data: {"candidates": [{"index": 1}]}\n\n', "upstream_protocol"),
    "arguments in pieces": (
        "gemini",
        SSE,
        chunk({"functionCall": {"name": "f", "willContinue": True}}),
        "upstream_protocol",
    ),
    "what the provider ran itself": (
        "gemini",
        SSE,
        chunk({"executableCode": {"code": "EVIL"}}),
        "upstream_protocol",
    ),
    "a wrong check sum": ("bedrock", FRAMES, bytes(WRONG), "upstream_protocol"),
    "a giant frame": ("bedrock", FRAMES, GIANT, "upstream_too_large"),
    "a frame cut off": ("bedrock", FRAMES, TEXT[:20], "upstream_closed"),
    "JSON where frames were asked for": ("bedrock", JSON, b"{}", "upstream_protocol"),
    "events where frames were asked for": ("bedrock", SSE, b"data: {}\n\n", "upstream_protocol"),
    "a tool use that began nowhere": ("bedrock", FRAMES, GROWS, "upstream_protocol"),
    "an event of no known type": ("bedrock", FRAMES, told("teleport"), "upstream_protocol"),
    "a picture": (
        "bedrock",
        FRAMES,
        told("contentBlockStart", contentBlockIndex=0, start={"image": {"format": "png"}}),
        "upstream_protocol",
    ),
    "a payload that is no UTF-8": ("bedrock", FRAMES, NO_UTF8, "upstream_protocol"),
}
AFTER = {
    "a wrong check sum": ("bedrock", FRAMES, START + TEXT + bytes(WRONG)),
    "an exception": ("bedrock", FRAMES, START + TEXT + USE + GROWS + error_event()),
    "the end inside a tool use": ("bedrock", FRAMES, START + TEXT + USE + GROWS),
    "no reason to stop": ("bedrock", FRAMES, START + TEXT),
    "an end that leaves no answer": (
        "bedrock",
        FRAMES,
        START + TEXT + USE + GROWS + told("messageStop", stopReason="malformed_tool_use"),
    ),
    "an end that nobody knows": ("gemini", SSE, chunk({"text": "seen "}) + chunk(CALL, reason="NOVEL")),
    "a malformed call": ("gemini", SSE, chunk({"text": "seen "}) + chunk(reason="MALFORMED_FUNCTION_CALL")),
    "no end": ("gemini", SSE, chunk({"text": "seen "})),
    "a call after the end": (
        "gemini",
        SSE,
        chunk({"text": "seen "}) + chunk(reason="STOP") + chunk(CALL),
    ),
    "half an event": ("gemini", SSE, chunk({"text": "seen "}) + chunk({"text": "b"}, reason="STOP")[:-1]),
}


@pytest.mark.parametrize("case", BEFORE)
async def test_an_answer_that_begins_wrong_is_an_error(database: str, case: str):
    vendor, kind, body, code = BEFORE[case]
    scripted = [answer(body, extra=f"Content-Type: {kind}\r\n")]
    async with (
        raw_server(lambda _n, _r: scripted) as server,
        gateway_site(
            database,
            scripts={f"{vendor}-x": None},
            url=server.url,  # type: ignore[dict-item]
        ) as site,
    ):
        status, said, _ = await site.post("/v1/messages", {**ASK, "model": f"{vendor}-x"})
        assert (status, json.loads(said)["code"]) == (502, code)
        assert b"EVIL" not in said
        assert await site.rows("status") == [("error",)]


@pytest.mark.parametrize("case", AFTER)
async def test_an_answer_that_goes_wrong_ends_with_an_error_event(database: str, case: str):
    vendor, kind, body = AFTER[case]
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode()
    async with (
        raw_server(lambda _n, _r: [head, body, CLOSE]) as server,
        gateway_site(
            database,
            scripts={f"{vendor}-x": None},
            url=server.url,  # type: ignore[dict-item]
        ) as site,
    ):
        status, said, _ = await site.post("/v1/messages", {**ASK, "model": f"{vendor}-x"})
        assert (status, said.count(b"event: error\n")) == (200, 1)
        assert b"seen " in said
        assert b"EVIL" not in said
        assert b"message_stop" not in said
        assert await site.rows("status, output_tokens > 0") == [("error", True)]


async def test_a_prompt_that_is_withheld_is_a_refusal(database: str):
    feedback = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    whole = answer(json.dumps(feedback).encode(), extra=f"Content-Type: {JSON}\r\n")
    event = answer(b"data: " + json.dumps(feedback).encode() + b"\n\n", extra=f"Content-Type: {SSE}\r\n")
    async with (
        raw_server(lambda number, _r: [whole if number == 1 else event]) as server,
        gateway_site(
            database,
            scripts={"gemini-x": None},
            url=server.url,  # type: ignore[dict-item]
        ) as site,
    ):
        said = await site.openai().chat.completions.create(model="gemini-x", messages=ASK["messages"])
        assert (said.choices[0].finish_reason, said.choices[0].message.content) == ("content_filter", None)
        async with site.anthropic().messages.stream(
            model="gemini-x", max_tokens=9, messages=ASK["messages"]
        ) as events:
            told = await events.get_final_message()
        assert (told.stop_reason, told.content) == ("refusal", [])
        assert await site.rows("status, input_tokens") == [("ok", 4), ("ok", 4)]
