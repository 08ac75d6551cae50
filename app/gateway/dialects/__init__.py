"""The wire formats of the vendors, without any I/O: what an answer says, and how errors are said.

Dialect  one vendor's format     (dialect.py): OPENAI (openai.py), RESPONSES (responses.py), ANTHROPIC (anthropic.py)
Reader   follows one stream: which events may flow, which are held until a tool use is whole
Said     text, tool uses, usage and stop reason of one answer, read from JSON or put together from a stream
"""

from app.gateway.dialects.anthropic import ANTHROPIC
from app.gateway.dialects.dialect import Dialect, Reader, Said, Seen, ToolUse
from app.gateway.dialects.openai import OPENAI
from app.gateway.dialects.responses import RESPONSES

__all__ = ["ANTHROPIC", "OPENAI", "RESPONSES", "Dialect", "Reader", "Said", "Seen", "ToolUse"]
