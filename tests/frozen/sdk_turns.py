"""A program of a developer's: the vendors' SDKs as their environment makes them, each way of calling with a tool."""

import asyncio

import anthropic
import openai

USE = 'use look {"at": "the sky"}'
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
FUNCTION = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
TOOL = {"name": "look", "input_schema": SCHEMA}
ARGUMENTS = '{"at": "the sky"}'


def openai_sync(model: str) -> None:
    with openai.OpenAI(max_retries=0) as client:
        asked = [{"role": "user", "content": USE}]
        said = client.chat.completions.create(model=model, messages=asked, tools=[FUNCTION])
        call = said.choices[0].message.tool_calls[0]
        assert call.function.arguments.replace(" ", "") == ARGUMENTS.replace(" ", "")
        done = {"role": "tool", "tool_call_id": call.id, "content": "blue"}
        after = [*asked, said.choices[0].message.model_dump(exclude_none=True), done]
        assert (
            client.chat.completions.create(model=model, messages=after, tools=[FUNCTION])
            .choices[0]
            .message.content
        )
        text = "".join(
            chunk.choices[0].delta.content or ""
            for chunk in client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "hello"}], stream=True
            )
            if chunk.choices
        )
        assert text == "You said: hello"
        assert model in {each.id for each in client.models.list()}


async def openai_async(model: str) -> None:
    async with openai.AsyncOpenAI(max_retries=0) as client:
        async with client.chat.completions.stream(
            model=model, messages=[{"role": "user", "content": USE}], tools=[FUNCTION]
        ) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.tool_calls[0].function.name == "look"


def anthropic_sync(model: str) -> None:
    with anthropic.Anthropic(max_retries=0) as client:
        asked = [{"role": "user", "content": USE}]
        said = client.messages.create(model=model, max_tokens=100, messages=asked, tools=[TOOL])
        (use,) = [block for block in said.content if block.type == "tool_use"]
        assert use.input == {"at": "the sky"}
        done = {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "blue"}],
        }
        after = [
            *asked,
            {"role": "assistant", "content": [block.model_dump() for block in said.content]},
            done,
        ]
        assert client.messages.create(model=model, max_tokens=100, messages=after, tools=[TOOL]).content
        assert client.messages.count_tokens(model=model, messages=asked).input_tokens > 0
        assert model in {each.id for each in client.models.list()}


async def anthropic_async(model: str) -> None:
    async with anthropic.AsyncAnthropic(max_retries=0) as client:
        async with client.messages.stream(
            model=model, max_tokens=100, messages=[{"role": "user", "content": USE}], tools=[TOOL]
        ) as stream:
            final = await stream.get_final_message()
        assert final.stop_reason == "tool_use"


if __name__ == "__main__":
    for model in ("gpt-sim", "claude-sim"):
        openai_sync(model)
        asyncio.run(openai_async(model))
        anthropic_sync(model)
        asyncio.run(anthropic_async(model))
