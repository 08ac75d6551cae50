"""OpenAI chat completions, to and from the neutral words: requests, answers, streams."""

from app.gateway.chat.answer import read_answer, write_answer
from app.gateway.chat.reading import read_request
from app.gateway.chat.stream import ChatPieces, ChatStream
from app.gateway.chat.writing import write_request

__all__ = ["ChatPieces", "ChatStream", "read_answer", "read_request", "write_answer", "write_request"]
