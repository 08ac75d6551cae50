"""The tools, prompts and resources that the kit expects of a server, as a provider inside Sallyport."""

import json
from collections.abc import Callable
from typing import Any

from app.core.errors import InputError
from app.extensions import Inquiry, Offer, Offered, Wanted

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
Block = dict[str, Any]
Result = dict[str, Any]


def words(text: str) -> Block:
    return {"type": "text", "text": text}


IMAGE: Block = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
AUDIO: Block = {"type": "audio", "data": SILENCE, "mimeType": "audio/wav"}


def embedded(uri: str, kind: str, text: str) -> Block:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": text}}


def form(message: str, **properties: Any) -> dict[str, Any]:
    """A question to the person; properties that have no default must be answered."""
    required = [name for name, schema in properties.items() if "default" not in schema]
    schema = {"type": "object", "properties": properties, "required": required}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sample(prompt: str) -> dict[str, Any]:
    """A question to the client's model."""
    message = {"role": "user", "content": words(prompt)}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 100}}


ROOTS: dict[str, Any] = {"method": "roots/list", "params": {}}
TEXT: dict[str, Any] = {"type": "string"}


def content_of(answer: Any) -> dict[str, Any]:
    """What a person filled in; empty when they declined, or what came is no answer."""
    content = answer.get("content") if isinstance(answer, dict) else None
    return content if isinstance(content, dict) else {}


def tool(name: str, answer: Callable[[Inquiry], Any], needs: tuple[str, ...] = (), **schema: Any) -> Offered:
    """`answer` gives text, a block, blocks, a whole result or what it wants first."""

    async def respond(inquiry: Inquiry) -> Result | Wanted:
        found = answer(inquiry)
        found = await found if hasattr(found, "__await__") else found
        if isinstance(found, Wanted):
            return found
        blocks = found if isinstance(found, list) else [words(found) if isinstance(found, str) else found]
        return {"content": blocks}

    definition = {
        "name": name,
        "description": f"For the scenarios of {name}.",
        "inputSchema": {"type": "object", **schema},
    }
    return Offered(definition=definition, answer=respond, needs=needs)


async def with_logging(inquiry: Inquiry) -> str:
    for stage in ("started", "goes on", "ended"):
        await inquiry.log("info", f"The tool {stage}.")
    return "Logged."


async def with_progress(inquiry: Inquiry) -> str:
    for done in (0, 50, 100):
        await inquiry.progress(done, 100)
    return "Done."


def fails(inquiry: Inquiry) -> str:
    raise InputError("This tool intentionally returns an error for testing")


def asks(key: str, question: dict[str, Any], then: Callable[[Any], str]) -> Callable[[Inquiry], Any]:
    """A tool that asks one thing and says what came of it."""

    def answer(inquiry: Inquiry) -> str | Wanted:
        given = inquiry.answers.get(key)
        if not isinstance(given, dict):
            return Wanted(questions={key: question})
        return then(given)

    return answer


def sampled(inquiry: Inquiry) -> str | Wanted:
    question = sample(str(inquiry.arguments.get("prompt")))
    return asks("model", question, lambda one: f"LLM response: {content_of(one).get('text')}")(inquiry)


def elicited(inquiry: Inquiry) -> str | Wanted:
    question = form(str(inquiry.arguments.get("message")), response=TEXT)
    return asks("person", question, said)(inquiry)


def said(answer: Any) -> str:
    return f"User response: action={answer['action']}, content={json.dumps(content_of(answer))}"


DEFAULTS = form(
    "Who are you?",
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
ENUMS = form(
    "Which?",
    untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]},
    titledSingle={
        "type": "string",
        "oneOf": [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)],
    },
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
    titledMulti={
        "type": "array",
        "items": {"anyOf": [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]},
    },
    legacyEnum={"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
)
NAME = form("What is your name?", name=TEXT)


def greeted(inquiry: Inquiry) -> str | Wanted:
    name = content_of(inquiry.answers.get("user_name")).get("name")
    return f"Hello, {name}!" if isinstance(name, str) else Wanted(questions={"user_name": NAME})


def with_state(inquiry: Inquiry) -> str | Wanted:
    if "confirm" in inquiry.answers and inquiry.state == "asked once":
        return "state-ok: confirmed"
    return Wanted(questions={"confirm": form("Really?", ok={"type": "boolean"})}, state="asked once")


def with_many(inquiry: Inquiry) -> str | Wanted:
    questions = {"user_name": NAME, "greeting": sample("Greet."), "client_roots": ROOTS}
    if questions.keys() <= inquiry.answers.keys():
        return "All of them answered."
    return Wanted(questions=questions, state="many")


def in_rounds(inquiry: Inquiry) -> str | Wanted:
    state = json.loads(inquiry.state) if inquiry.state else {"round": 0}
    if state["round"] == 1 and "step1" in inquiry.answers:
        name = content_of(inquiry.answers["step1"]).get("name")
        question = form("Step 2: which color?", color=TEXT)
        return Wanted(questions={"step2": question}, state=json.dumps({"round": 2, "name": name}))
    if state["round"] == 2 and "step2" in inquiry.answers:
        return f"{state['name']} likes {content_of(inquiry.answers['step2']).get('color')}."
    return Wanted(questions={"step1": NAME}, state=json.dumps({"round": 1}))


def by_capability(inquiry: Inquiry) -> str | Wanted:
    questions = {"sampling": sample("Hello?"), "elicitation": NAME}
    usable = {key: question for key, question in questions.items() if key in inquiry.capabilities}
    return Wanted(questions=usable, state="capable")


def changes(kind: str) -> Callable[[Inquiry], str]:
    def answer(inquiry: Inquiry) -> str:
        inquiry.announce(kind)
        return f"{kind} changed"

    return answer


SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {
        "address": {"$anchor": "addressDef", "type": "object", "properties": {"street": TEXT, "city": TEXT}}
    },
    "properties": {
        "name": TEXT,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": TEXT,
        "email": TEXT,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
TOOLS = (
    tool("test_simple_text", lambda _: "This is a simple text response for testing."),
    tool("test_image_content", lambda _: IMAGE),
    tool("test_audio_content", lambda _: AUDIO),
    tool("test_embedded_resource", lambda _: embedded("test://embedded-resource", "text/plain", "Embedded.")),
    tool(
        "test_multiple_content_types",
        lambda _: [words("Several:"), IMAGE, embedded("test://mixed", "application/json", '{"a": 1}')],
    ),
    tool("test_tool_with_logging", with_logging),
    tool("test_tool_with_progress", with_progress),
    tool("test_error_handling", fails),
    tool("test_sampling", sampled, properties={"prompt": TEXT}, required=["prompt"]),
    tool("test_elicitation", elicited, properties={"message": TEXT}, required=["message"]),
    tool("test_elicitation_sep1034_defaults", asks("person", DEFAULTS, said)),
    tool("test_elicitation_sep1330_enums", asks("person", ENUMS, said)),
    tool("json_schema_2020_12_tool", lambda _: "Kept.", **SCHEMA_2020_12),
    tool(
        "test_x_mcp_header",
        lambda inquiry: f"region={inquiry.arguments.get('region')}",
        properties={"region": {"type": "string", "x-mcp-header": "Region"}},
    ),
    tool("test_missing_capability", lambda _: "It can.", needs=("sampling",)),
    tool("test_streaming_elicitation", asks("word", form("A word?", response=TEXT), said)),
    tool("test_logging_tool", with_logging),
    tool("test_input_required_result_elicitation", greeted),
    tool(
        "test_input_required_result_sampling",
        asks(
            "capital_question",
            sample("What is the capital of France?"),
            lambda one: f"Model said: {content_of(one).get('text')}",
        ),
    ),
    tool(
        "test_input_required_result_list_roots",
        asks("client_roots", ROOTS, lambda one: f"The client has {len(one.get('roots', []))} root(s)."),
    ),
    tool("test_input_required_result_request_state", with_state),
    tool("test_input_required_result_multiple_inputs", with_many),
    tool("test_input_required_result_multi_round", in_rounds),
    tool("test_input_required_result_tampered_state", with_state),
    tool("test_input_required_result_capabilities", by_capability),
    tool("test_trigger_tool_change", changes("tools")),
    tool("test_trigger_prompt_change", changes("prompts")),
)


def said_by_user(*blocks: Block) -> Result:
    return {"messages": [{"role": "user", "content": block} for block in blocks]}


def prompt(name: str, answer: Callable[[Inquiry], Result | Wanted], *arguments: str) -> Offered:
    async def respond(inquiry: Inquiry) -> Result | Wanted:
        return answer(inquiry)

    definition: dict[str, Any] = {"name": name, "description": f"For the scenarios of {name}."}
    if arguments:
        definition["arguments"] = [{"name": one, "required": True} for one in arguments]
    return Offered(definition=definition, answer=respond)


def with_context(inquiry: Inquiry) -> Result | Wanted:
    context = content_of(inquiry.answers.get("user_context")).get("context")
    if not isinstance(context, str):
        return Wanted(questions={"user_context": form("Which context?", context=TEXT)})
    return said_by_user(words(f"Use this context: {context}"))


PROMPTS = (
    prompt("test_simple_prompt", lambda _: said_by_user(words("This is a simple prompt for testing."))),
    prompt(
        "test_prompt_with_arguments",
        lambda inquiry: said_by_user(
            words(
                f"Prompt with arguments: arg1='{inquiry.arguments['arg1']}', arg2='{inquiry.arguments['arg2']}'"
            )
        ),
        "arg1",
        "arg2",
    ),
    prompt(
        "test_prompt_with_embedded_resource",
        lambda inquiry: said_by_user(
            embedded(inquiry.arguments["resourceUri"], "text/plain", "Embedded."), words("Process it.")
        ),
        "resourceUri",
    ),
    prompt("test_prompt_with_image", lambda _: said_by_user(IMAGE, words("Analyze it."))),
    prompt("test_input_required_result_prompt", with_context),
)


def resource(uri: str, kind: str, content: Callable[[Inquiry], dict[str, str]], key: str = "uri") -> Offered:
    async def respond(inquiry: Inquiry) -> Result:
        return {"contents": [{"uri": inquiry.name, "mimeType": kind, **content(inquiry)}]}

    definition = {key: uri, "name": uri, "mimeType": kind, "description": f"For the scenarios of {uri}."}
    return Offered(definition=definition, answer=respond)


RESOURCES = (
    resource("test://static-text", "text/plain", lambda _: {"text": "Static text."}),
    resource("test://static-binary", "image/png", lambda _: {"blob": PIXEL}),
    resource("test://watched-resource", "text/plain", lambda _: {"text": "Watched."}),
)
TEMPLATES = (
    resource(
        "test://template/{id}/data",
        "application/json",
        lambda inquiry: {"text": json.dumps({"id": inquiry.arguments["id"], "templateTest": True})},
        key="uriTemplate",
    ),
)


class Fixtures:
    """The provider."""

    def offer(self) -> Offer:
        return Offer(
            title="Conformance fixtures",
            version="1",
            tools=TOOLS,
            prompts=PROMPTS,
            resources=RESOURCES,
            templates=TEMPLATES,
            complete=lambda reference, argument, value: (),
        )
