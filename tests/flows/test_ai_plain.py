"""Legacy completions and embeddings: forwarded as they are, or asked for as a chat, or refused; priced and recorded."""

import json

import openai
import pytest

from app.demo.script import Script
from tests.fix_gateway import gateway_site

PROMPT = "Once upon a time"


async def test_completions_are_forwarded_as_they_are_priced_and_recorded(database: str):
    async with gateway_site(database) as site:
        client = site.openai()
        whole = await client.completions.create(
            model="gpt", prompt=PROMPT, max_tokens=50, extra_body={"new": 1}
        )
        assert whole.choices[0].text == f"You said: {PROMPT}"
        sent = site.provider.received[-1]
        assert (sent.path, json.loads(sent.body)["new"]) == ("/v1/completions", 1)
        assert sent.headers["Authorization"] == "Bearer sk-the-providers-own"
        stream = await client.completions.create(
            model="gpt", prompt=PROMPT, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == f"You said: {PROMPT}"
        rows = await site.rows("status, input_tokens, output_tokens, microdollars > 0")
        used = [whole.usage, chunks[-1].usage]
        assert rows == [("ok", usage.prompt_tokens, usage.completion_tokens, True) for usage in used]


async def test_a_completion_is_asked_for_as_a_chat_where_a_provider_knows_only_chats(database: str):
    async with gateway_site(database) as site:
        client = site.openai()
        whole = await client.completions.create(model="claude", prompt=PROMPT, max_tokens=50, stop="\n\n")
        assert (whole.object, whole.choices[0].text) == ("text_completion", f"You said: {PROMPT}")
        assert whole.choices[0].finish_reason == "stop"
        asked = json.loads(site.provider.received[-1].body)
        assert (asked["max_tokens"], asked["stop_sequences"]) == (50, ["\n\n"])
        stream = await client.completions.create(model="claude", prompt=[PROMPT], stream=True)
        text = "".join([chunk.choices[0].text async for chunk in stream])
        assert text == f"You said: {PROMPT}"
        assert json.loads(site.provider.received[-1].body)["max_tokens"] == 16
        sent = len(site.provider.received)
        for lost in (
            {"suffix": "end"},
            {"prompt": ["a", "b"]},
            {"prompt": [1, 2]},
            {"logprobs": 3},
            {"n": 2},
        ):
            with pytest.raises(openai.BadRequestError) as refused:
                await client.completions.create(**{"model": "claude", "prompt": PROMPT, **lost})
            assert refused.value.code == "untranslatable"
        assert len(site.provider.received) == sent
        assert [status for (status,) in await site.rows("status")] == ["ok"] * 2 + ["refused"] * 5


async def test_embeddings_are_forwarded_whatever_they_are_made_of(database: str):
    async with gateway_site(database) as site:
        client = site.openai()
        found = await client.embeddings.create(model="gpt", input=["a", "b"], dimensions=4)
        assert [len(item.embedding) for item in found.data] == [4, 4]
        assert json.loads(site.provider.received[-1].body)["encoding_format"] == "base64"
        floats = await client.embeddings.create(model="gpt", input=[[1, 2], [3]], encoding_format="float")
        assert len(floats.data[0].embedding) == 8
        rows = await site.rows("model, status, input_tokens, output_tokens, microdollars > 0")
        assert rows == [("gpt", "ok", usage.prompt_tokens, 0, True) for usage in (found.usage, floats.usage)]


async def test_embeddings_of_a_provider_without_them_are_refused_with_a_word(database: str):
    async with gateway_site(database) as site:
        with pytest.raises(openai.BadRequestError, match="embeddings") as refused:
            await site.openai().embeddings.create(model="claude", input="a")
        assert refused.value.code == "untranslatable"
        assert not site.provider.received
        assert await site.rows("status") == [("refused",)]


async def test_a_broken_off_completion_ends_with_an_error_and_is_billed(database: str):
    async with gateway_site(database, scripts={"gpt-cut": Script(text="a b c d e f", fault="reset")}) as site:
        stream = await site.openai().completions.create(model="gpt-cut", prompt=PROMPT, stream=True)
        with pytest.raises(openai.APIError):
            async for _ in stream:
                pass
        assert await site.rows("status, microdollars > 0") == [("error", True)]
