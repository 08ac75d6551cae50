"""Reasoning is asked for as an effort in some dialects and as a budget of tokens in others."""

from app.gateway.neutral.words import Effort, Thinking

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
