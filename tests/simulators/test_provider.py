"""The simulated provider against the vendors' own SDKs."""

import anthropic
import openai
import pytest

from app.demo.provider import SimulatedProvider
from app.demo.script import Script, ToolUse

SCRIPTS = {
    "tool": Script(text="Looking.", tools=(ToolUse("look", '{"at": "the sky"}'),)),
    "busy": Script(status=429),
}
HELLO = [{"role": "user", "content": "hello there"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


async def test_openai_sdk_reads_answers_streams_tools_and_errors():
    async with SimulatedProvider(scripts=SCRIPTS) as provider:
        client = openai.AsyncOpenAI(base_url=f"{provider.url}/v1", api_key="x", max_retries=0)
        whole = await client.chat.completions.create(model="m", messages=HELLO)
        assert whole.choices[0].message.content == "You said: hello there"
        assert whole.usage.total_tokens > 0
        text = ""
        async for chunk in await client.chat.completions.create(model="m", messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
        assert text == "You said: hello there"
        async with client.chat.completions.stream(model="tool", messages=HELLO, tools=[TOOL]) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.tool_calls[0].function.arguments == '{"at": "the sky"}'
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="busy", messages=HELLO)


async def test_anthropic_sdk_reads_answers_streams_tools_and_errors():
    async with SimulatedProvider(scripts=SCRIPTS) as provider:
        client = anthropic.AsyncAnthropic(base_url=provider.url, api_key="x", max_retries=0)
        whole = await client.messages.create(model="m", messages=HELLO, max_tokens=50)
        assert whole.content[0].text == "You said: hello there"
        async with client.messages.stream(model="tool", messages=HELLO, max_tokens=50) as stream:
            final = await stream.get_final_message()
        assert final.content[1].input == {"at": "the sky"}
        assert final.usage.output_tokens > 1
        with pytest.raises(anthropic.RateLimitError):
            await client.messages.create(model="busy", messages=HELLO, max_tokens=50)
