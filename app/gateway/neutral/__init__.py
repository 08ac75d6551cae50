"""What every dialect can be translated into: a request, an answer, and the pieces of a stream.

words        requests, messages, tools, answers                     (words.py)
pieces       an answer in the making                                (pieces.py)
Reading      takes members out of a JSON object and leaves none     (reading.py)
A dialect's `chat/`, `messages/` … hold `read_request`, `write_request`, `read_answer`, `write_answer`, and the two
halves of its stream. What a dialect cannot express is refused by `untranslatable`; what is only a hint is named.
"""

from app.gateway.neutral.pieces import (
    Broken,
    Finish,
    Piece,
    Start,
    TextPiece,
    ThoughtPiece,
    ToolPiece,
    ToolStart,
)
from app.gateway.neutral.reading import Reading, untranslatable
from app.gateway.neutral.words import (
    Answer,
    Choice,
    Format,
    Image,
    Message,
    Part,
    Request,
    Text,
    Thinking,
    Thought,
    Tool,
    ToolResult,
    ToolUse,
    Written,
)

__all__ = [
    "Answer",
    "Broken",
    "Choice",
    "Finish",
    "Format",
    "Image",
    "Message",
    "Part",
    "Piece",
    "Reading",
    "Request",
    "Start",
    "Text",
    "TextPiece",
    "Thinking",
    "Thought",
    "ThoughtPiece",
    "Tool",
    "ToolPiece",
    "ToolResult",
    "ToolStart",
    "ToolUse",
    "Written",
    "untranslatable",
]
