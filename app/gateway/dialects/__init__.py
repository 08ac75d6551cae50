"""The wire formats of the vendors, without any I/O: what an answer says, and how errors are said.

Wire     what a provider speaks  (dialect.py): GEMINI (gemini.py), Bedrock (bedrock.py, frames.py, sigv4.py)
Dialect  what clients speak too  (dialect.py): OPENAI (openai.py), RESPONSES (responses.py), ANTHROPIC (anthropic.py)
Frames   cuts a stream's bytes into events
Reader   follows one stream: which events may flow, which are held until a tool use is whole (blocks.py)
Said     text, tool uses, usage and stop reason of one answer, read from JSON or put together from a stream
"""

from app.gateway.dialects.anthropic import ANTHROPIC
from app.gateway.dialects.bedrock import Bedrock
from app.gateway.dialects.dialect import Dialect, Frames, Headers, Reader, Said, Seen, Sent, ToolUse, Wire
from app.gateway.dialects.gemini import GEMINI
from app.gateway.dialects.openai import OPENAI
from app.gateway.dialects.responses import RESPONSES

__all__ = [
    "ANTHROPIC",
    "GEMINI",
    "OPENAI",
    "RESPONSES",
    "Bedrock",
    "Dialect",
    "Frames",
    "Headers",
    "Reader",
    "Said",
    "Seen",
    "Sent",
    "ToolUse",
    "Wire",
]
