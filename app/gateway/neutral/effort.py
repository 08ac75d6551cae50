"""Reasoning is asked for as an effort in some dialects and as a budget of tokens in others."""

from app.gateway.neutral.reading import untranslatable
from app.gateway.neutral.signatures import of_anthropic
from app.gateway.neutral.words import Effort, Request, Thinking, Thought, ToolUse

SHORTEST = 1024
LOW, MEDIUM = 4096, 16384
"""Budgets of reasoning tokens up to which an effort is called low or medium."""
BUDGETS: dict[Effort, int] = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576}


def effort_of(thinking: Thinking | None) -> Effort | None:
    """The effort that is meant; None when reasoning was not asked for."""
    if thinking is None or thinking.off:
        return None
    if thinking.effort:
        return thinking.effort
    budget = thinking.budget or 0
    return "low" if budget <= LOW else "medium" if budget <= MEDIUM else "high"


def budget_of(thinking: Thinking) -> int:
    """The tokens that are meant."""
    return thinking.budget or BUDGETS[thinking.effort or "high"]


def claude_budget(request: Request, most: int) -> int | None:
    """The tokens that a model of Anthropic's may reason for, of at most `most`.

    None where it would refuse to reason: after tool uses whose reasoning the client's format did not keep.
    """
    wanted = request.thinking
    if wanted is None or wanted.off:
        return None
    said = [message for message in request.messages if message.role == "assistant"]
    last = said[-1].parts if said else ()
    forgotten = any(isinstance(part, ToolUse) for part in last) and not any(
        isinstance(part, Thought) and of_anthropic(part.signature) for part in last
    )
    budget = min(budget_of(wanted), most - 1)
    if forgotten or budget < SHORTEST:
        return None
    if request.temperature not in (None, 1):
        raise untranslatable("`temperature` together with reasoning")
    return budget
