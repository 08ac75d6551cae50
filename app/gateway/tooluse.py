"""A tool use that a model returned is a governed call: judged before the client sees it."""

from collections.abc import Iterable

from app.admission import Admission
from app.core.call import Call, Inherited, Resource
from app.core.errors import DeniedError, InputError
from app.core.ids import child_span
from app.core.passage import Passage
from app.gateway.dialects import ToolUse
from app.gateway.render import denial_text

TOOLS_LIMIT = 128
NAME_LIMIT = 256


async def refusal(admission: Admission, passage: Passage, tools: Iterable[ToolUse]) -> str:
    """Why these tool uses may not reach the client, or the empty string; each is recorded as a child."""
    for number, tool in enumerate(tools):
        if number >= TOOLS_LIMIT:
            return f"The answer uses more than {TOOLS_LIMIT} tools at once."
        why = await _judge(admission, passage, tool)
        if why:
            return f"The model's use of tool {tool.name[:NAME_LIMIT]!r} was stopped: {why}"
    return ""


async def _judge(admission: Admission, passage: Passage, tool: ToolUse) -> str:
    unreadable = ""
    try:
        arguments = tool.read()
    except (InputError, UnicodeEncodeError) as error:
        arguments = {"unreadable": str(tool.arguments)[:1024].encode("utf-8", "replace").decode()}
        unreadable = f"its arguments cannot be read. {error}"
    call = Call(
        door="gateway",
        action="tool.use",
        resource=Resource("tool", f"{tool.by}/{tool.name[:NAME_LIMIT]}"),
        trace=child_span(passage.trace),
        credential=Inherited(passage),
        arguments=arguments,
        details={"tool_use_id": tool.id[:NAME_LIMIT], "model": passage.call.resource.name},
        client=passage.call.client,
        address=passage.call.address,
        agent=passage.call.agent,
        session=passage.call.session,
    )
    try:
        async with admission.admit(call) as child:
            if not unreadable and not 0 < len(tool.name) <= NAME_LIMIT:
                unreadable = "it has no name, or one that is too long."
            if unreadable:
                child.note(status="refused", error=unreadable)
    except DeniedError as error:
        return denial_text(error)
    return unreadable
